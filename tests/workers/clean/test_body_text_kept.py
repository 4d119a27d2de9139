"""Body text that begins or ends like clutter: it stays in feed items, pages and dumps."""

import pytest

from workers.clean.cleaner import clean
from workers.clean.line_types import is_feed_tail, is_notice, is_prompt

ABOVE = (
    "The council of Millbrook approved the new bridge over the river on Tuesday after three hours of debate.",
    "Construction will begin in March, and the mayor said that the work would take about two years to complete.",
)
BELOW = "Residents had asked for the bridge since the old one was closed by the flood in the winter of 2019."
KINDS = ("html", "page", "text")


def document(kind: str, lines: tuple[str, ...]) -> str:
    if kind == "text":
        return "\n".join(("Millbrook approves new bridge", *lines))
    body = "".join(f"<p>{line}</p>" for line in lines)
    page = "<!doctype html><html><head><title>Millbrook approves new bridge</title></head><body><article>"
    return body if kind == "html" else f"{page}<h1>Millbrook approves new bridge</h1>{body}</article></body></html>"


def is_kept(kind: str, line: str, *, is_last: bool = False) -> bool:
    lines = (*ABOVE, BELOW, line) if is_last else (*ABOVE, line, BELOW)
    return line in clean(document(kind, lines), kind).paragraphs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize(
    "line",
    [
        "The mayor said that the work would take about two years and that no homes would be lost. (Reuters)",
        "Am Abend fielen die Kurse erneut, und der Schaden betrug nach Angaben der Stadt drei Millionen Euro. (dpa)",
        "The firm will pay the fine by the end of June, a spokesman for the court said on Friday (AP).",
        "El alcalde dijo que las obras durarán dos años y que nadie perderá su casa. (EFE)",
    ],
)
def test_paragraph_signed_by_agency_stays(kind: str, line: str, is_last: bool) -> None:
    assert is_kept(kind, line, is_last=is_last)


def test_paragraph_below_image_with_agency_is_caption() -> None:
    caption = "The old bridge of Millbrook on Monday, a day before the vote of the council. (Reuters)"
    image = '<p><img src="https://a.example/bridge.jpg"></p>'
    content = clean(f"<p>{ABOVE[0]}</p>{image}<p>{caption}</p><p>{BELOW}</p>", "html")
    assert content.paragraphs == (ABOVE[0], BELOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "line",
    [
        "Source: officials of the town, who asked not to be named because they feared for their jobs.",
        "Fonte: o rio nasce na serra e corre para o mar, diz o poeta da cidade.",
        "Source: a friend of the family, who had seen the letter before it was burnt by the widow.",
        "Quelle: ein Beamter, der die Akte kennt und nicht genannt werden will, weil er Folgen fürchtet.",
    ],
)
def test_sentence_about_source_stays(kind: str, line: str) -> None:
    assert is_kept(kind, line)


@pytest.mark.parametrize("kind", KINDS)
def test_name_of_source_is_credit(kind: str) -> None:
    content = clean(document(kind, (*ABOVE, BELOW, "Source: Reuters, statistics office")), kind)
    assert content.source_credit == "Reuters, statistics office"


@pytest.mark.parametrize(
    "line",
    [
        "We baked the cookies for twelve minutes until they were golden at the edges.",
        "We left the cookies to cool on a rack while the chocolate melted.",
        "Wir haben Cookies gebacken und mit den Nachbarn geteilt.",
        "Nous avons mangé des cookies au chocolat devant la télévision.",
        "We accept that our privacy policy was wrong, the head of the firm said.",
        "We sold two hundred cookies at the school fair, the pupils said.",
        "Vi bakade kakor till festen och bjöd hela gatan på kaffe.",
        "Wij bakten cookies voor de buren en dronken er thee bij.",
        "Мы испекли cookies и угостили соседей.",
        "We use cookies from the day before as a base for the cake.",
        "By using the cookies of the day before, the baker saves flour.",
    ],
)
def test_sentence_about_cookies_is_no_notice(line: str) -> None:
    assert not is_notice(line) and not is_prompt(line)


@pytest.mark.parametrize(
    "line",
    [
        "We use cookies",
        "We use cookies to show you relevant ads. You can change your choices at any time.",
        "We and our 120 partners store and/or access information on a device, such as cookies.",
        "We and our partners use cookies.",
        "We have updated our Privacy Policy.",
        "By continuing to use this site you agree to our use of cookies.",
        "By clicking Accept you agree to our terms of service and privacy policy.",
        "Wir verwenden Cookies, um Inhalte zu personalisieren.",
        "Wir und unsere Partner nutzen Cookies.",
        "Nous utilisons des cookies pour améliorer votre expérience.",
        "Vi använder kakor på vår webbplats.",
        "Vi bruger cookies til at forbedre din oplevelse.",
        "Wij gebruiken cookies om onze site te verbeteren.",
        "Мы используем cookies для работы сайта.",
        "我们使用cookies来改善您的体验。",
        "We may use cookies to personalise content and ads.",
        "This site uses cookies.",
    ],
)
def test_consent_with_second_word_is_notice(line: str) -> None:
    assert is_notice(line) or is_prompt(line)


@pytest.mark.parametrize(
    "line",
    [
        "Steun voor het plan komt van links, maar de partij van de premier is verdeeld.",
        "Stöd från EU har betalats ut till bönderna i norr, enligt myndigheten som ansvarar för dem.",
        "Unterstützen Sie Ihr Kind bei den Hausaufgaben.",
        "Apoya los pies en el suelo y mantén la espalda recta durante todo el ejercicio.",
        "Soutenez votre dos avec un coussin.",
        "Поддержать малый бизнес обещал министр экономики на форуме в Сочи.",
        "Support local farmers by buying at the market today.",
        "Your contribution to the pension rises monthly by two percent.",
        "Comments from the public will be reviewed by the agency before the rule is final.",
        "Få barn går til skolen hver dag, viser en ny rapport fra kommunen i byen.",
        "Get some exercise every day, and drink enough water, the doctor says.",
        "Sigue los pasos:",
        "Suivez les étapes :",
        "Siga las instrucciones del médico:",
        "Folge dem Rezept:",
        "Become a member of the jury today, the court asks.",
        "Die Kommentare der Bürger werden von der Behörde geprüft.",
        "Sostieni la schiena con le mani e solleva piano le gambe.",
        "Help your dog to get some rest every day.",
        "关注以下问题：",
    ],
)
def test_advice_and_aid_are_no_notices(line: str) -> None:
    assert not is_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "Support our journalism today",
        "Soutenez une presse libre, faites un don.",
        "Unterstützen Sie uns mit einer Spende.",
        "Steun ons werk met een gift.",
        "Apoya el periodismo independiente",
        "Поддержите нас",
        "Become a member today",
        "Support independent journalism with a monthly donation.",
        "Recibe cada viernes las noticias del campo.",
        "Siga o Jornal do Cais:",
        "Síguenos en:",
        "Suivez-nous sur Facebook :",
        "Folgen Sie uns auf:",
        "关注我们：",
        "Følg oss på Facebook:",
        "Get the best stories every morning.",
        "Comments are moderated before they appear.",
        "Comments are closed.",
        "Die Kommentare werden vor der Freischaltung geprüft.",
    ],
)
def test_call_of_publisher_is_notice(line: str) -> None:
    assert is_notice(line) or is_prompt(line)


@pytest.mark.parametrize(
    "line",
    [
        "Сервис по подписке стоит 300 рублей в месяц, сообщила компания во вторник.",
        "有料会員は100万人に達した。",
        "У Netflix стало більше передплатників, ніж очікували аналітики.",
        "Netflix podnosi ceny dla subskrybentów w Polsce od pierwszego stycznia przyszłego roku.",
        "تمامی حقوق شهروندان باید رعایت شود.",
        "打开微信，点击右上角的加号，再选择扫一扫。",
        "카카오톡에 새 기능 추가.",
        "LINEアプリに翻訳機能を追加。",
        "Kaffeekette lanserer nye priser for abonnenter i hele landet.",
        "下载客户端后，解压文件并运行安装程序。",
    ],
)
def test_news_about_subscribers_is_no_notice(line: str) -> None:
    assert not is_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "Dit stuk is alleen voor abonnees",
        "Denne saken er for abonnenter",
        "Tekst dla prenumeratorów",
        "Článek pro předplatitele",
        "Már: csak előfizetők számára",
        "Материал по подписке",
        "Bu yazı ABONELER İÇİN",
        "残り 1200 文字",
        "有料会員限定",
        "För prenumeranter",
        "Матеріал для передплатників",
        "LINEで友だち追加",
        "카카오톡 채널 추가",
        "打开新闻客户端 阅读全文",
        "تمامی حقوق این سایت متعلق به روزنامه است",
        "公式LINEに登録",
    ],
)
def test_line_for_subscribers_only_is_notice(line: str) -> None:
    assert is_notice(line)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "line",
    [
        "We baked the cookies for twelve minutes until they were golden at the edges.",
        "Comments from the public will be reviewed by the agency before the rule is final.",
        "Netflix podnosi ceny dla subskrybentów w Polsce od pierwszego stycznia przyszłego roku.",
    ],
)
def test_sentence_with_words_of_notices_stays(kind: str, line: str) -> None:
    assert is_kept(kind, line)


@pytest.mark.parametrize(
    "line",
    [
        "Save the egg whites for another recipe.",
        "Save the file as config.py.",
        "Print the result.",
        "Log in to your router.",
        "Log in to the server with the key, then restart the service.",
        "Sign up for the draft brought three hundred men from the valley to the town hall.",
        "Subscribe to the topic with the client.",
        "Add a comment above each function.",
        "Install the app on both phones.",
        "Get groceries delivered on Fridays.",
        "Follow me into the dark",
        "Follow us through the house, and you will see why it won the prize.",
        "This story continues to haunt the town.",
        "Copyright lasts for seventy years after the death of the author.",
        "Keep reading aloud to your child every night.",
        "Skip to step 5 if you have a key.",
        "(c) to appeal within thirty days;",
        "(C) It was raining on the day of the accident.",
        "Join us on Friday at the library for coffee and cake.",
        "Accept cookies from strangers only on Halloween.",
        "Email the forms to the office by Friday.",
        "Share the cost with your neighbours.",
        "Print the labels on thick paper and cut them out.",
        "Sign in to the console and open the second tab.",
        "Write a reply to each letter within a week.",
        "Bookmark the hotel early, the guide says.",
        "(c) the fee of the second year;",
    ],
)
def test_step_of_instruction_is_no_prompt(line: str) -> None:
    assert not is_prompt(line)


@pytest.mark.parametrize(
    "line",
    [
        "Share this article",
        "Share this",
        "Share this on Facebook",
        "Share this story, choose your platform!",
        "Save this recipe",
        "Print this page",
        "Email this post to a friend",
        "Log in",
        "Log in to continue",
        "Sign in with Google",
        "Log in or sign up to comment",
        "Log in to leave a comment",
        "Subscribe",
        "Subscribe now",
        "Subscribe to our newsletter",
        "Subscribe to The Lanthe Courier",
        "Sign up for our free newsletter",
        "Sign up for email updates",
        "Sign up to get the latest news by email",
        "Get the newsletter delivered to your inbox",
        "Get our stories delivered daily",
        "Download our app for iOS",
        "Download the app",
        "Get the Courier app on Google Play",
        "Follow us",
        "Follow us on Instagram",
        "Follow @courier",
        "Follow us: @courier",
        "Join us on Facebook",
        "Continue reading Ferry sinks at noon",
        "Keep reading",
        "Leave a comment",
        "Leave a comment below",
        "Add a comment",
        "Leave a Reply Cancel reply",
        "This story continues below",
        "This article continues after the advertisement",
        "Skip to content",
        "Skip to main content",
        "Skip past newsletter promotion",
        "Skip advertisement",
        "(c) 2024 The Courier",
        "(c) Harbour News Agency",
        "(c) dpa",
        "Copyright 2024 by Harbour Media, all rights reserved",
        "Copyright © 2024 Harbour",
        "Copyright Harbour Media Ltd 2024",
        "© Courier",
    ],
)
def test_imperative_with_object_of_site_is_prompt(line: str) -> None:
    assert is_prompt(line)


@pytest.mark.parametrize(
    "line",
    [
        "Filed in federal court in Boston on Monday, the lawsuit seeks five million dollars.",
        "Posted in Crete during the war, he learned Greek and married a teacher from Chania.",
        "The article he wrote with his brother in 1950 appeared in Nature and made him famous.",
        "The story of the two brothers appeared in the New Yorker in the spring of 1954.",
        "Tags: the metal labels were stamped with the number of each soldier and sewn into coats.",
        "Tagged: twelve whales with transmitters, in two years.",
        "Filed under oath with the clerk, the letter names nobody in the town.",
        "The post that she sent to her sister appeared in the local paper a week later.",
        "In this article: we follow the river from its spring to the sea.",
    ],
)
def test_sentence_that_begins_like_tail_is_none(line: str) -> None:
    assert not is_feed_tail(line)


@pytest.mark.parametrize(
    "line",
    [
        "The post Ferry sinks appeared first on The Lanthe Courier.",
        "The post Ferry sinks first appeared on The Lanthe Courier.",
        "Filed under: Flour, Rye",
        "Filed under Baking",
        "Posted in Baking, Bread and Rolls",
        "Posted in News | Tagged ferry, harbour",
        "Posted in: Harbour",
        "Tags: flour, rye",
        "Tagged with: flour",
        "In this article: ferry, harbour",
        "Schlagwörter: Mehl, Roggen",
    ],
)
def test_names_below_item_are_tails(line: str) -> None:
    assert is_feed_tail(line)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "line",
    [
        "Filed in federal court in Boston on Monday, the lawsuit seeks five million dollars.",
        "The article he wrote with his brother in 1950 appeared in Nature and made him famous.",
    ],
)
def test_sentence_with_words_of_prompts_stays(kind: str, line: str) -> None:
    assert is_kept(kind, line)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "paragraph",
    [
        "Beat the yolks with the sugar until they are pale. Save the egg whites for the meringue.",
        "The suit names three directors of the company and two of its banks. Filed in federal court in Boston, it seeks five million dollars.",
        "The key of the new machine is kept in the cellar. Log in to the server with it.",
        "Cut the leather along the line with a sharp knife. Print the pattern on thick paper.",
    ],
)
def test_last_sentence_of_paragraph_stays(kind: str, paragraph: str) -> None:
    assert is_kept(kind, paragraph)


PARAGRAPHS = "".join(f"<p>{line}</p>" for line in ABOVE)


def test_word_of_share_bar_in_table_stays() -> None:
    table = (
        "<table><tr><th>Plan</th><th>Email</th><th>Video</th></tr><tr><td>Basic</td><td>X</td><td>+</td></tr></table>"
    )
    content = clean(f"{PARAGRAPHS}{table}", "html")
    assert content.paragraphs == (*ABOVE, "Plan", "Email", "Video", "Basic", "X", "+")


@pytest.mark.parametrize("items", [("Facebook", "TikTok", "WhatsApp", "X"), ("Print", "Glue", "Save", "Share")])
def test_announced_list_of_words_stays(items: tuple[str, ...]) -> None:
    announcement = "The report of the agency names the following items:"
    html = f"{PARAGRAPHS}<p>{announcement}</p><ul>{''.join(f'<li>{item}</li>' for item in items)}</ul><p>{BELOW}</p>"
    assert clean(html, "html").paragraphs == (*ABOVE, announcement, *items, BELOW)


@pytest.mark.parametrize("word", ["Line", "Link"])
def test_heading_of_network_and_number_stays(word: str) -> None:
    html = f"<h3>{word} 1</h3><p>{ABOVE[0]}</p><h3>{word} 2</h3><p>{ABOVE[1]}</p>"
    assert clean(html, "html").paragraphs == (f"{word} 1", ABOVE[0], f"{word} 2", ABOVE[1])


def test_answer_of_one_word_stays() -> None:
    question = "<p><b>What comes next?</b></p><p>More.</p>"
    assert "More." in clean(f"{PARAGRAPHS}{question}<p>{BELOW}</p>", "html").paragraphs


def test_share_bar_without_links_is_removed() -> None:
    bar = "<ul><li>Facebook</li><li>Twitter</li><li>Email</li></ul>"
    assert clean(f"{PARAGRAPHS}{bar}", "html").paragraphs == ABOVE


@pytest.mark.parametrize("line", ["Share this article", "Subscribe to our newsletter", "Most read"])
def test_item_of_one_prompt_keeps_text(line: str) -> None:
    assert clean(f"<p>{line}</p>", "html").paragraphs == (line,)


def test_item_of_prompts_keeps_those_without_links() -> None:
    html = '<p>Follow us on Instagram</p><p><a href="https://a.example/x">Share this article</a></p>'
    assert clean(html, "html").paragraphs == ("Follow us on Instagram",)


def test_copies_of_text_for_devices_stay_once() -> None:
    text = "".join(f"<p>{line}</p>" for line in (*ABOVE, BELOW))
    copies = "".join(f'<div class="{name}">{text}</div>' for name in ("desktop", "mobile", "print"))
    page = f"<!doctype html><html><body><article><h1>Millbrook approves new bridge</h1>{copies}</article></body></html>"
    assert clean(page, "page").paragraphs == (*ABOVE, BELOW)
