"""Notices: legal, consent, comment-rule, donation, paywall and follow lines in the languages of the corpus. Tables only.

notices.tsv lists exact lines by kind (advertisement, comment, consent, …, promotion) and language. Source: our
wording of the usual lines of consent dialogues, comment sections (Disqus, WordPress), sign-up cards (Ghost, Substack,
Mailchimp), buttons of accounts and shops (WooCommerce), skip links (WordPress) and footers, in the languages of the
corpus. None is a body line in the corpus.

Patterns: complete lines of at most MAX_NOTICE_WORDS words. Source: footers, consent dialogues and comment boxes of the news pages in
the corpus, and the wording of the GDPR (recitals 32 and 42) and of the Berne Convention's reservation of rights. A
notice begins with the site or the reader as its subject, because articles also report on cookies or copyright.
Linear time: repeats are bounded, and each alternative begins with its own words.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workers.clean.phrases import read_entries
from workers.text.normalise import match_key

MAX_NOTICE_WORDS = 90
FILE = Path(__file__).with_name("notices.tsv")
_ENTRIES = read_entries(FILE)
NOTICE_LINES = frozenset(match_key(entry.phrase) for entry in _ENTRIES)
ADVERTISEMENT_NOTICES = frozenset(match_key(entry.phrase) for entry in _ENTRIES if entry.kind == "advertisement")

RIGHTS = (
    r"(?:this material|this content|this article|no part of .{3,60}|the (?:content|material)s? .{3,60}) (?:may|can|must) not be (?:published|reproduced|copied|rewritten|redistributed).{0,200}",
    r"(?:nachdruck|vervielfältigung|reproducci[oó]n|reproduction|a reprodução|kopiowanie|przedruk|перепечатка|копирование|при (?:перепечатке|использовании|копировании)|未经(?:授权|许可)|未經授權).{0,200}"
    r"(?:genehmigung|prohibida|interdite|proibida|zabronion|zgody|запрещ|ссылк|разрешени|不得|转载|轉載).{0,120}",
)
# Notices with a keyword in their middle. A line must contain a part, because these patterns take ten times the time.
FLOATING = (
    r".{0,120}\b(?:all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|todos os direitos reservados|"
    r"tutti i diritti riservati|riproduzione riservata|alle rechten voorbehouden|alla rättigheter förbehållna|alle rettigheter (?:forbeholdes|reservert)|"
    r"kaikki oikeudet pidätetään|wszelkie prawa zastrzeżone|všechna práva vyhrazena|minden jog fenntartva|toate drepturile rezervate|"
    r"με επιφύλαξη παντός δικαιώματος|все права защищены|усі права захищен[оі]|tüm hakları saklıdır|hak cipta dilindungi)\b.{0,200}",
    r".{0,80}(?:جميع الحقوق محفوظة|تمامی حقوق (?:این |مادی|.{0,40}(?:محفوظ|متعلق))|כל הזכויות שמורות|सर्वाधिकार सुरक्षित|সর্বস্বত্ব সংরক্ষিত|สงวนลิขสิทธิ์|版权所有|版权声明|無断転載|무단\s?전재).{0,120}",
    r".{0,40}\b(?:article|contenu|suite) (?:est )?réservée? aux abonnés\b.{0,80}",
    # "Subscribers" alone is a topic of the news, so the line also names the text that they may read, or says "only".
    r"(?:\W{0,4}|.{0,40}\b(?:alleen|artikel\w{0,3}|stuk|inhoud|innehåll\w{0,2}|endast|bara|innhold\w{0,2}|sak(?:en)?|artikk?el\w{0,4}|kun|bare|vain|juttu|sisältö|tekst|artykuł\w{0,2}|treś\w{1,2}|materiał\w{0,2}|tylko|wyłącznie|"
    r"článek|obsah|text|pouze|jen|cikk|tartalom|csak|articol\w{0,3}|conținut\w{0,2}|doar|exclusiv)\b.{0,20})"
    r"\b(?:voor abonnees|för prenumeranter|for abonnenter|tilaajille|dla (?:prenumeratorów|subskrybentów)|pro předplatitele|előfizetők számára|pentru abonați)\b(?:\W.{0,60})?",
    r".{0,60}(?:только подписчикам|(?:материал|стать[яи]|текст|публикаци[яи]|доступ\w{0,3}|читать|контент)\b.{0,30}по подписке|(?:лише|тільки|матеріал|стаття|текст)\b.{0,20}передплатник(?:ам|ів)|"
    r"(?:άρθρο|περιεχόμενο|μόνο|αποκλειστικ\w{1,3})\b.{0,20}για συνδρομητές|(?:yazı|içerik|haber|makale|sadece|yalnızca|özel)\b.{0,20}aboneler için|للمشتركين فقط|ویژه مشترکان|למנויים בלבד|"
    r"有料会員(?:限定|専用|のみ|登録|向けの?記事|になると|の方)|(?:記事|続き).{0,20}有料会員|会員限定(?:記事|の記事|コンテンツ|です|[。！]?$)|残り\s?\d+\s?文字|유료 회원(?:\s?전용|만|에게만)|구독자 전용|(?:仅限|仅供|专供)订阅用户|订阅用户(?:专享|专属|可)|会员专享|打开app).{0,60}",
    # Calls to follow the publisher's page. A report about a page does not call it ours.
    r".{0,160}(?:like|讚好|按讚|点赞|追蹤|追踪|关注|關注|加入)\s?(?:我們|我们)的?\s?(?:專頁|专页|粉絲|粉丝|facebook|fb|微博|微信).{0,160}",
)
FLOATING_PARTS = (
    "rights reserved|rechte vorbehalten|droits réservés|derechos reservados|direitos reservados|diritti riservati|riproduzione riservata|"
    "rechten voorbehouden|förbehållna|forbeholdes|reservert|pidätetään|zastrzeżone|vyhrazena|fenntartva|rezervate|δικαιώματο|права защищены|"
    "права захищен|hakları saklıdır|dilindungi|جميع الحقوق محفوظة|تمامی حقوق|כל הזכויות שמורות|सर्वाधिकार सुरक्षित|সর্বস্বত্ব সংরক্ষিত|สงวนลิขสิทธิ์|版权所有|"
    "版权声明|無断転載|무단|aux abonnés|voor abonnees|prenumeranter|for abonnenter|tilaajille|prenumeratorów|subskrybentów|předplatitele|"
    "előfizetők|pentru abonați|по подписке|только подписчикам|передплатник|για συνδρομητ|aboneler için|للمشتركين فقط|ویژه مشترکان|למנויים בלבד|有料会員|会員限定|"
    "残り|유료 회원|구독자 전용|订阅用户|会员专享|打开app|我們的|我们的|我們fa|我们fa|我們fb|我们fb|我們微|我们微|我們專|我們粉|我们粉"
)
# A site or the reader's act is the subject of such a notice. A sentence that begins with "we" needs a second word of
# consent: recipes and reports write about cookies, too.
CONSENT = (
    r"(?:this (?:web ?)?site|our (?:web ?)?site) .{0,120}\b(?:cookies?(?!-)|store and/or access|terms of (?:use|service)|privacy policy)\b.{0,300}",
    r"(?=.{0,300}\b(?:our|this (?:web ?)?site|your? (?:agree|consent|accept|acknowledge|confirm))\b)by (?:continuing|using|clicking|browsing|closing) .{0,120}\b(?:cookies?(?!-)|store and/or access|terms of (?:use|service)|privacy policy)\b.{0,300}",
    r"(?=.{0,300}(?:\b(?:use|set|store|place)s? (?:\w{1,12} ){0,2}cookies(?! (?:from|as|of|instead)\b)|store and|\b(?:experience|browser|device|web ?site|site|settings|preferences|consent|accept|agree|partners|privacy|personali[sz]\w{1,5}|analytics|advertis\w{1,5}|ads|traffic)\b))"
    r"(?:we|we and our (?:\d+ )?partners) .{0,120}\b(?:cookies?(?!-)|store and/or access)\b.{0,300}",
    r"(?=.{0,300}\b(?:your?|updated|cookies)\b)(?:we|we and our (?:\d+ )?partners) .{0,120}\b(?:terms of (?:use|service)|privacy policy)\b.{0,300}",
    r"(?=.{0,300}\b(?:(?:verwende|nutze|benutze|setze|speicher)n|web ?sites?|webseiten?|seiten?|diensten?|browser|gerät|einstellungen|zustimm\w{0,5}|einwillig\w{0,5}|einverstanden|datenschutz\w{0,12}|werbung|anzeigen|personalisier\w{1,5}|analysier\w{1,5}|partnern?)\b)"
    r"wir .{0,120}\bcookies?\b(?!-).{0,300}|(?:diese (?:web)?seite|unsere (?:web)?seite|mit der nutzung) .{0,120}\bcookies?\b(?!-).{0,300}",
    r"(?=.{0,300}\b(?:utilis\w{1,6}|sites?|navigation|naviguer|navigateur|expérience|partenaires|consent\w{0,6}|accept\w{1,5}|paramètr\w{1,3}|préférences|publicit\w{1,6}|audience|personnalis\w{1,6}|confidentialité|stock\w{1,4}|dépos\w{1,4}|traceurs|terminal)\b)"
    r"nous .{0,140}\bcookies?\b(?!-).{0,300}|(?:ce site|notre site|en poursuivant|avec nos partenaires,? nous) .{0,140}\bcookies?\b(?!-).{0,300}",
    r"(?:utilizamos|usamos|este sitio|esta web|este site|nuestro sitio|al continuar|ao continuar) .{0,120}\bcookies?\b(?!-).{0,300}|(?:utilizamos|usamos) cookies?.{0,200}",
    r"(?:utilizziamo|questo sito|il nostro sito|proseguendo) .{0,120}\bcookies?\b(?!-).{0,300}",
    r"(?=.{0,300}\b(?:gebruiken|plaatsen|gebruik|website|site|ervaring|toestemming|instellingen|voorkeuren|använder|använda|lagrar|webbplats\w{0,3}|webbsida\w{0,2}|sajt\w{0,3}|upplevelse\w{0,2}|samtycke\w{0,3}|godkänn\w{0,3}|inställningar|bruger|bruker|anvender|lagrer|nettsted\w{0,3}|nettsid\w{1,3}|hjemmeside\w{0,2}|oplevelse|opplevelse|samtykke\w{0,3}|indstillinger|innstillinger|partner\w{0,3}|annons\w{0,4}|annonce\w{0,3})\b)"
    r"(?:wij|vi) .{0,120}\b(?:cookies?|kakor|informasjonskapsler)\b.{0,300}|(?:deze (?:web)?site|den här (?:webb)?sidan|denne (?:net|nett)?side(?:n)?|käytämme|sivusto) .{0,120}\b(?:cookies?|kakor|evästeitä|informasjonskapsler)\b.{0,300}",
    r"(?:ta strona|nasza strona|serwis|używamy|korzystamy|tento web|používáme|ez az oldal|acest site|folosim|sitemiz|sitemizde|bu site) .{0,120}\b(?:cookies?|cookie-uri|sütiket|çerez\w*)\b.{0,300}",
    r"(?=.{0,300}(?:использ|сайт|соглас|настройк|реклам|обрабатыва|браузер|використов|згод|налаштув|menggunakan|situs|pengalaman|persetujuan))(?:мы|ми|kami) .{0,120}\b(?:cookies?|куки)\b.{0,300}|"
    r"(?:сайт|наш сайт|этот сайт|продолжая|цей сайт|αυτός ο ιστότοπος|ο ιστότοπος|χρησιμοποιούμε|situs ini) .{0,120}\b(?:cookies?|куки)\b.{0,300}",
    r"(?=.{0,200}(?:使用|同意|接受|网站|浏览|隐私|体验|广告))我们.{0,60}cookies?.{0,120}|(?:本网站|本站|当サイト|このサイト|본 사이트|이 사이트).{0,60}(?:cookies?|クッキー|쿠키).{0,120}",
)
COMMENT_RULES = (
    r"(?:comments|all comments|your comments?|the comments section)\b.{0,60}\b(?:are|is|will be) (?:moderated|reviewed (?:by (?:our|(?:a |the )?(?:moderators?|editors?))|before (?:they|being|it|publication|posting))|subject to (?:our|moderation|approval)|the opinion)\b.{0,200}",
    r"(?:comments|the comments section)(?: (?:on|for|to) this (?:article|post|story|page|entry|thread|topic|item|video))? (?:are|is) (?:now )?closed\b.{0,80}",
    r"(?:be civil|please be respectful|please keep comments|comments that (?:break|violate)|by commenting|to comment,? you)\b.{0,200}",
    r"(?:los comentarios|as opiniões|os comentários|les commentaires|i commenti|die kommentare|kommentare|reacties|komentarze|komentáře|комментарии|коментарі|τα σχόλια|yorumlar|التعليقات)\b.{0,80}"
    r"(?:moderad|responsabilidad|responsabilidade|modérés|moderati|(?:freischalt|redaktion|veröffentlich|moderat).{0,40}geprüft|moderiert|(?:redactie|moderator|plaatsing).{0,40}gecontroleerd|moderowane|regulamin|pravid|модерац|после проверк|після перевірк|έγκριση|onay|المراجعة|تعبر).{0,200}",
    r"(?:the )?(?:views|opinions) expressed .{0,120}\b(?:do not|are (?:those|solely))\b.{0,200}",
    r"(?:мнение (?:редакции|автора)|думка (?:редакції|автора)|las opiniones|le opinioni|die meinung(?:en)?) .{0,120}(?:не совпада|може не|no reflejan|non riflettono|nicht der).{0,160}",
    r"(?:网友评论|以上(?:内容|评论)|本文(?:内容|观点)?)(?:仅|不)?(?:代表|供).{0,80}",
)
# Controls of a page and its number. Source: pages of Chinese portals.
PAGE_CONTROLS = (
    r"[\W_]{0,3}(?:(?:字体|字號|字号|大|中|小|打印(?:本[页稿])?|列印|关闭(?:窗口)?|收藏(?:本页)?|复制链接|在线投稿)[\W_]{0,4}){3,12}(?:新闻热线[\W_]{0,3}[\d-]{5,20})?",
    r"本文共分?\s?\d{1,3}\s?页.{0,40}",
)
# Words for the publisher or its work. A call without one is advice to the reader, as in "Support local farmers".
DONATION_OBJECTS = (
    r"\b(?:journalis|jornalis|periodis|giornalis|dziennikar|novinář|újságír|jurnalis|журналис|журналіс|δημοσιογραφ|redakt|redakc|redazion|rédaction|redacció|redaç|redactie|редакц|presse|prensa|imprensa|libera stampa|"
    r"dons?\b|donat|donac|donaz|doa[çc]|donering|spende\w?\b|darowizn|příspěv|adomán|пожертв|донат|bağış|medios? independ|unabhängig|indépendant|onafhankelijk|oberoende|uavhengig|uafhængig|независим|незалежн)|"
    r"\b(?:uns|nous|nosotros|ons|oss|nás|nas|minket|нас|bizi|kami|chúng tôi)\b|\b(?:unsere?n?|notre|nuestr[oa]|nosso|nossa|il nostro|la nostra|ons|onze|vår[at]?|vores|naszą?|náš|naši|наш[уе]?|munkánkat|bizim) "
    r"(?:arbeit|projekt|angebot|blog|magazin|podcast|zeitung|travail|média|site|journal|équipe|chaîne|trabajo|medio|proyecto|canal|trabalho|projeto|lavoro|sito|giornale|progetto|werk|blad|arbete|tidning|arbeid|avis|arbejde|prac\w{1,2}|portal\w?|práci|web|проект|работу|роботу|сайт|издание|видання|канал)\b|"
    r"(?:الصحاف|ادعمنا|στηρίξτε μας)"
)
DONATION = (
    r"(?:please )?(?:support(?= (?:our|us|this|independent|quality|free|local|public)\b)|help (?:us|keep)|donate to|make a donation|become a (?:member|supporter|patron)|give what you can|your (?:support|donation|contribution))\b.{0,120}"
    r"\b(?:journalism|newsroom|free for everyone|reporting|readers like you|donation)\b.{0,120}",
    r"(?:please )?(?:support(?= (?:our|us|independent)\b)|help us|make a donation|become a (?:member|supporter|patron)(?! of the)|give what you can|your (?:support|donation)(?= (?:helps|keeps|makes|allows|enables)\b))\b.{0,120}\b(?:independent|monthly|today)\b.{0,120}",
    r"(?:ajude|ajuda|apoie|apoia|ayuda|ayúdanos|colabora|aiutaci|help ons|hjälp oss|hjelp oss|hjælp os|pomóż|pomozte|segíts|ajută|помогите|допоможіть|βοηθήστε|ساعد|bantu)\b.{0,60}"
    r"\b(?:jornalis|periodis|journalis|giornalis|dziennikars|novinář|újságír|jurnalis|журналист|журналіст|δημοσιογραφ|الصحاف|redac|redaç|redazion|doa[çc]|donaci|donazion).{0,120}",
    rf"(?=.{{0,200}}(?:{DONATION_OBJECTS}))(?:unterstützen sie|soutenez|apoya|apoye|sostieni|steun(?! (?:voor|van|aan|uit)\b)|stöd(?! (?:till|från|för|av)\b)|støt|støtt|wesprzyj|podpořte|támogassa|susține|поддержите|поддержать|підтримайте|στηρίξτε|destekleyin|ادعم|dukung|ủng hộ)\b.{{0,160}}",
    r"(?:faites un don(?! de (?:sang|plasma|moelle)\b)|apóyanos|sostienici)\b.{0,160}",
)
PAYWALL = (
    r"(?:you have|you've) .{0,30}\b(?:free )?(?:articles?|stories) (?:left|remaining)\b.{0,80}|this (?:article|content|story|post|episode) is (?:only )?(?:available )?(?:exclusively )?(?:for|to) (?:our )?(?:paid |paying )?(?:subscribers|members)\b.{0,60}",
    r"already (?:a|have an?) (?:subscriber|member|account|subscription)\b.{0,60}",
    r"il vous reste \d+ ?% .{0,80}|déjà abonné.{0,60}",
    r"die(?:ser|sen) (?:artikel|inhalt|text) .{0,40}\b(?:abonnent|abo\b|plus).{0,80}|(?:sie haben|schon) (?:bereits )?(?:ein )?(?:digital-?)?abo(?:nnent)?\b.{0,60}|jetzt weiterlesen\b.{0,60}",
    r"(?:este )?(?:contenido|conteúdo|contenuto)\b.{0,40}\b(?:suscriptores|assinantes|abbonati)\b.{0,60}|(?:¿ya eres|já é|sei già) (?:suscriptor|assinante|abbonato)\b.{0,60}|te quedan \d+ .{0,60}",
)
# Disclosures of affiliate links. Source: 16 CFR 255 (FTC, endorsements) and the statement that Amazon Associates requires, in
# the wording of news pages in these languages.
AFFILIATES = (
    r"(?:this|these|our|some|all|many) (?:article|post|page|story|site|recipe|review|links?|of the links)\b.{0,60}\baffiliate.{0,200}",
    r"(?:if|when) you (?:buy|purchase|click|shop|order)\b.{0,100}\b(?:links?|site|page)\b.{0,60}\b(?:commission|earn)\b.{0,160}",
    r"(?:we|i) (?:may )?(?:earn|receive|make|get) (?:a |an )?(?:small |affiliate )?(?:commission|from qualifying)\b.{0,200}|as an amazon associate\b.{0,160}",
    r"(?:dieser (?:artikel|beitrag|text)|diese seite|links mit|mit (?:einem )?\* ).{0,80}\b(?:affiliate|provisions)-?links?\b.{0,200}|.{0,60}\b(?:erhalten|bekommen) wir (?:ggf\. |möglicherweise )?eine (?:kleine )?provision\b.{0,120}",
    r"(?:cet article|ce contenu|cette page|certains liens)\b.{0,60}\b(?:liens affiliés|affiliation|affiliés)\b.{0,200}",
    r"(?:este|esta|este artigo|algunos|alguns) (?:artículo|contenido|página|enlaces|artigo|conteúdo|links)\b.{0,60}\b(?:afiliad|comisión|comissão).{0,200}",
    r"(?:questo articolo|questa pagina|alcuni link|dit artikel|denna artikel|denne artikkelen|artykuł)\b.{0,60}\b(?:affilia|afiliac).{0,200}",
)
# The consent below a sign-up form, and notes about the print edition or the sender. Source: forms of Reach, Mailchimp and DPG;
# the wording of print editions, of news aktuell and of Phys.org.
SIGN_UP_TOPICS = (
    r"privacy|terms|policy|consent|newsletter|e-?mails?\b|offers|agree|datenschutz|einwillig|zustimm|stimme|agb\b|confidentialité|conditions|données|désabonn|privacidad|condiciones|"
    r"condições|términos|termos|boletín|informativa|condizioni|voorwaarden|nieuwsbrief|villkor|nyhetsbrev|vilkår|nyhedsbrev|regulamin|zgod|podmínk|souhlas|adatkezel|hírlevel|"
    r"termenii|politica|соглас|услови|политик|рассылк|умов|згод"
)
SIGN_UP_STARTS = (
    r"(?:by (?:signing up|subscribing|registering|entering your|submitting|clicking|providing your)|we use your (?:sign-?up|e-?mail)|"
    r"mit (?:dem|ihrem|deinem|einem) klick auf|mit (?:der|ihrer|deiner) anmeldung|durch (?:die|ihre) anmeldung|en (?:vous inscrivant|cliquant|renseignant votre)|votre adresse e-?mail|"
    r"al (?:suscribirte|suscribirse|registrarte|registrarse|hacer clic|hacer click)|ao (?:se inscrever|clicar|assinar|subscrever)|iscrivendoti|iscrivendosi|cliccando su|"
    r"door (?:je|u) aan te melden|door op|genom att (?:anmäla|klicka|prenumerera)|ved (?:å|at) (?:melde|tilmelde|klikke)|zapisując się|klikając|kliknutím na|odesláním|feliratkozás|"
    r"prin abonare|подписываясь|нажимая|підписуючись|натискаючи)\b"
)
# The test for a topic takes a hundred times as long as that for a start, so it comes second.
SIGN_UP = (
    rf"(?={SIGN_UP_STARTS})(?=.{{0,300}}(?:{SIGN_UP_TOPICS})){SIGN_UP_STARTS}.{{0,300}}",
    r"we use your sign-?up to\b.{0,200}|(?:esta funcionalidad|este contenido) es exclusiv[oa] para\b.{0,80}|(?:want|would you like) to save this (?:recipe|article|story)\?.{0,160}",
    r"(?:a version of )?this (?:article|story) (?:appears|appeared|originally appeared|was first published) in (?:print|the [^.]{0,60}\b(?:edition|issue|magazine))\b.{0,120}",
    r"original-content von\s?:.{0,200}|our standards\s?:.{0,60}\bprinciples\.?|this document is subject to copyright\b.{0,200}|citation\s?: .{5,200}\bretrieved\b.{0,120}",
)
NETWORKS = r"facebook|twitter|instagram|telegram|телеграм|whatsapp|youtube|google news|tiktok|bluesky|mastodon|threads|linkedin|viber|zalo|вконтакте|redes sociales|redes sociais|réseaux|social media|sociální"
US = r"\b(?:us|nous|nos|n[oó]s|nosso|nuestr[oa]s?|noi|uns|unsere[mnr]?|ons|onze|oss|os|vår[at]?|nas|nás|nami|нас|нами|наш\w{0,3}|μας|bizi|kami|chúng tôi)\b"
# Pitches of a newsletter or a share bar. Source: the sign-up cards of Ghost, Substack and Mailchimp in these languages.
PITCHES = (
    r"no spam\b.{0,80}|(?:you (?:can|may) )?(?:unsubscribe|opt[- ]?out|cancel) (?:at )?any ?time.{0,60}|(?:we apologi[sz]e, but )?this video (?:has failed to load|is not available|cannot be played).{0,80}|(?:kein spam|jederzeit (?:abbestellbar|kündbar)|sans spam|désabonne.{0,20}tout moment|sin spam|cancela(?:r)? cuando|niente spam|geen spam)\b.{0,80}",
    r"(?:share|teilen|partager|compartir|compártelo|compartilhe|condividi|delen|dela|del|jaa|udostępnij|sdílet|megosztás|distribuie|κοινοποίηση|поделиться|поділитися|paylaş|شارك|bagikan|chia sẻ|分享|シェア|공유)(?: (?:this|on|via|en|sur|auf|su|no|na|w))?\s?[:：]",
    r"(?:share|send|post|teilen|partager|compartir|compartilhar|condividi|delen|dela|del|jaa|udostępnij|sdílet|megosztás|distribuie|κοινοποίηση|поделиться|поділитися|paylaş|bagikan|chia sẻ)"
    r"(?: (?:this|on|to|via|by|en|por|sur|par|auf|bei|per|su|no|na|w|op|på|med|at|στο|в|у|ke|lên))? (?:x|facebook|twitter|bluesky|threads|whatsapp|telegram|linkedin|reddit|pinterest|mastodon|messenger|viber|line|e-?mail|vk|weibo|instagram)",
    r"(?=.{0,220}(?:newsletter|inbox|e-?mail|mailbox|\bnews\b|headlines|stories|updates|digest|briefing|alerts|noticias|notícias|titulares|correo|boletín|boletim|nouvelles|actualité|\bactus?\b|infolettre|\blettre\b|"
    r"nachrichten|postfach|überblick|notizie|\bposta\b|nieuws|nyheter|nyheder|nyhetsbrev|nyhedsbrev|innboks|indbakke|inkorg|wiadomo|skrzynk|zprávy|novin|schránk|новост|рассылк|розсилк|\bпочт|\bпошт|resumen|resumo|riassunto|résumé|lo mejor de|o melhor d|le meilleur d|il meglio d|das beste aus))"
    r"(?:receive|get|recibe|recibí|receba|ricevi|recevez|erhalten sie|ontvang|få|otrzymuj|dostávejte|получайте|отримуйте) .{0,60}\b(?:every (?:morning|day|week|\w{1,12}day)|cada (?:mañana|día|semana|lunes|martes|miércoles|jueves|viernes|sábado|domingo)|"
    r"chaque (?:matin|jour|semaine|\w{1,12}di)|jeden (?:morgen|tag|\w{1,12}tag)|ogni (?:mattina|giorno|settimana|\w{1,12}dì)|tod[ao]s? (?:as |os )?(?:manhã|manhãs|dia|dias|semana|semanas)|elke (?:ochtend|dag|week)|varje (?:morgon|dag|vecka)|hver (?:morgen|dag|uge|uke)|"
    r"co(?:dziennie| tydzień)|každ\w{1,12} (?:den|ráno|týden)|кажд\w{1,12} (?:день|утро|неделю)|щодня|щотижня)\b.{0,120}",
    r"\W{0,4}(?:síguenos|seguici|folgen sie uns|folge uns)\b.{0,50}[:：]",
    # The object is the publisher, a network or a name. "Follow the steps:" is above a list of the article.
    rf"\W{{0,4}}(?:siga|sigue|suivez|segui|følg|följ|volg|obserwuj|sledujte|ακολουθήστε|следите за|takip edin|ikuti|theo dõi)(?:(?=.{{0,45}}(?:{NETWORKS}|{US}))|(?= (?:(?:[oa]s?|el|l[aeo]s?|il|gli|de|het|den|det) |l['’])?(?-i:[A-ZÀ-ÞА-Я]))).{{0,50}}[:：]",
    rf"\W{{0,4}}(?:folgen sie|folge)(?=.{{0,45}}(?:{NETWORKS}|{US})).{{0,50}}[:：]",
    rf"\W{{0,4}}(?:关注|フォロー)(?:(?=.{{0,45}}(?:{NETWORKS}|我们|本|公众号|公眾號|微信|微博|公式|当)).{{0,50}})?[:：]",
)
# A question about the text with a call, and calls of blogs in Japanese and Korean. Source: blogs of WordPress, Hatena and Naver.
LIKED = (
    r"(?:did you (?:like|enjoy)|(?:if you )?(?:liked|enjoyed)|vous avez aimé|(?:hat|gefällt) (?:ihnen|dir)|¿?te ha gustado|¿?te gustó|gostou|ti è piaciut[oa]|vond je|gillade du|likte du|"
    r"kunne du lide|pidit(?:kö|ko)|líbil[ao]? se v[áa]m|páčil sa|podobał[ao]? (?:ci|wam|się)|(?:ha )?tetszett|ți-a plăcut|понравил(?:ся|ась|ось)|сподобал(?:ся|ась|ося)|σας άρεσε|beğendiniz mi|هل أعجبك)\b"
    r"[^.!?]{2,60}[?!.,:]\s?.{0,20}\b(?:share|subscribe|support|forward|buy me|partage|abonne|soutene|teile|abonnier|unterstütz|comp[aá]rt|suscr|apoy|assin|condivid|iscriv|deel|abonneer|dela|prenum|del|støt|jaa|"
    r"sdíle|podpoř|zdieľ|podpor|udostępni|wesprzyj|oszd|megoszt|distribui|поделит|подпиш|поддерж|поділ|підпиш|підтрим|κοινοποι|paylaş|شارك).{0,120}",
    r".{0,40}(?:フォロー|応援|クリック|チャンネル登録|高評価|ポチッと|シェア)を?(?:よろしく)?お願い(?:いた|致)?します[。！]?",
    r".{0,30}(?:공감|댓글|좋아요|구독|추천|이웃추가).{0,20}(?:힘이 됩니다|부탁드립니다|부탁드려요|눌러주세요)[.!~]?",
)
# Lines that the law requires in the advertisements of bookmakers. Source: codes of advertising of ES, AR, PT, IT, FR, DE, NL, UK and IE.
GAMBLING = (
    r"(?:.{0,160}[.!|•·+]\s{0,2})?(?:(?:juega|jugá|apuesta|apostá|jogue|gioca|joga) (?:con|com) (?:responsabilidad|responsabilidade|responsabilità)|gioca responsabilmente|"
    r"(?:please )?gamble responsibly|begambleaware|when the fun stops, stop|jouer comporte des risques|glücksspiel kann süchtig machen|spielen? sie verantwortungs\w{2,6}|speel bewust|wat kost gokken jou)\b.{0,100}",
)
# A call to follow or join, at the start or the end of a line with the name of a network or newsletter. English calls
# are in `prompts.py`. Source: the prompts of the same pages.
FIRST_CALLS = (
    "folgen sie|abonnieren sie|abonniere|suivez|abonnez|inscrivez|rejoignez|téléchargez|recevez|síguenos|sigue|únete|suscríbete|descarga|recibe|apúntate|siga|assine|entre no|baixe|"
    "receba|seguici|iscriviti|scarica|unisciti|ricevi|volg ons|schrijf je|följ|prenumerera|følg|tilmeld|meld deg|seuraa|tilaa|lataa|obserwuj|zapisz się|dołącz|pobierz|sledujte|přihlaste|"
    "kövess|iratkozz|urmăre[sș]te|abonează|intră pe|ακολουθήστε|εγγραφείτε|κατεβάστε|подписывайтесь|подпишитесь|присоединяйтесь|читайте нас|следите|скачайте|підписуйтесь|підпишіться|"
    "clique aqui|haz clic aquí|cliquez ici|clicca qui|klik hier|meld je aan|meld u aan|abonneer|simak berita|ikuti berita|لمتابعة|اشتركوا|انضموا|更多精彩|更多内容|欢迎关注|请关注|ร่วมติดตาม|"
    "приєднуйтесь|завантажте|تابعنا|تابعونا|اشترك|انضم|حمل|עקבו|הצטרפו|הירשמו|הורידו|ติดตาม|ikuti kami|gabung|unduh|langganan|theo dõi|tham gia|tải|jiunge|tufuate|pakua|jisajili|关注|關注|扫码|(?:下载|打开)(?=.{0,60}(?:阅读|查看全文|看新闻|新闻|本报|我们|更多|精彩))"
)
LAST_CALLS = "takip edin|abone olun|katılın|indirin|जुड़ें|फॉलो करें|डाउनलोड करें|যুক্ত হোন|যোগ দিন|دنبال کنید|عضو شوید|フォロー|友だち追加|구독|구독하기"
# Verbs that end an instruction or a release note as well; a call with one of them names the publisher's channel.
WEAK_LAST_CALLS = "করুন|登録|登録する|추가|신청"
CHANNELS = "当|本紙|本誌|公式|友だち|友達|チャンネル|アカウント|ニュース|メールマガジン|メルマガ|채널|친구|공식|우리|저희|뉴스|뉴스레터|আমাদের|চ্যানেল|পেজ|নিউজ|খবর"
MEDIA = (
    "telegram|телеграм|تلغرام|تلگرام|whatsapp|व्हाट्सएप|হোয়াটসঅ্যাপ|واتساب|וואטסאפ|ватсап|facebook|фейсбук|فيسبوك|instagram|youtube|google news|google haberler|google nieuws|google नью|גוגל חדשות|twitter|tiktok|"
    "viber|zalo|kakao|카카오|(?<![a-z])line(?![a-z])|微信|公众号|公眾號|newsletter|boletín|bülten|rundbrief|infolettre|nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|hírlevel|"
    "biuletyn|novinek|рассылк|розсилк|النشرة|نشرتنا|خبرنامه|ניוזלטר|メールマガジン|뉴스레터|简报|our app|aplicación|aplicativo|application mobile|приложение|застосунок|uygulama|التطبيق|aplikasi|ứng dụng|アプリ|客户端"
)
FOLLOW = (
    rf"(?=.{{0,160}}(?:{MEDIA}))\W{{0,4}}(?:{FIRST_CALLS}).{{0,200}}",
    rf"(?=.{{0,160}}(?:{MEDIA})).{{2,200}}(?:{LAST_CALLS})\W{{0,4}}",
    rf"(?=.{{0,160}}(?:{MEDIA}))(?=.{{0,160}}(?:{CHANNELS})).{{2,200}}(?:{WEAK_LAST_CALLS})\W{{0,4}}",
)


def _any_of(patterns: Iterable[str]) -> str:
    """Return a pattern for `fullmatch`. The anchor keeps `search` linear."""
    return rf"\A(?:{'|'.join(f'(?:{pattern})' for pattern in patterns)})"


NOTICE = re.compile(
    _any_of(
        (
            *RIGHTS,
            *CONSENT,
            *COMMENT_RULES,
            *PAGE_CONTROLS,
            *DONATION,
            *PAYWALL,
            *PITCHES,
            *LIKED,
            *GAMBLING,
            *AFFILIATES,
            *SIGN_UP,
        )
    ),
    re.IGNORECASE,
)
FLOATING_NOTICE = re.compile(_any_of(FLOATING), re.IGNORECASE)
# Shorter than the other notices: a longer line with a network's name is a report.
MAX_CALL_WORDS = 24
CALL = re.compile(_any_of(FOLLOW), re.IGNORECASE)
CALL_START = re.compile(rf"\W{{0,4}}(?:{FIRST_CALLS})", re.IGNORECASE)


# A letter of a script other than the Latin one.
OTHER_SCRIPT = re.compile("[\u0370-\u1dff\u2c00-\ud7ff\uf900-\U000fffff]")


class Parts(NamedTuple):
    """Parts of which a lower-case line must contain one. A line in Latin script contains only parts in it."""

    every: tuple[str, ...]
    latin: tuple[str, ...]
    ascii: tuple[str, ...]

    @classmethod
    def read(cls, table: str) -> "Parts":
        """Return the parts in *table*, separated by bars."""
        every = tuple(map(fold_dots, table.split("|")))
        latin = tuple(part for part in every if OTHER_SCRIPT.search(part) is None)
        return cls(every, latin, tuple(filter(str.isascii, every)))

    def occur_in(self, lower: str) -> bool:
        """Return whether *lower* contains a part. Ten parts take 1 µs, a pattern of the tables above up to 20 µs."""
        if lower.isascii():
            return any(map(lower.__contains__, self.ascii))
        parts = self.every if OTHER_SCRIPT.search(lower) is not None else self.latin
        return any(map(fold_dots(lower).__contains__, parts))


def fold_dots(lower: str) -> str:
    """Return *lower* with every Turkish `ı` and `i̇` as `i`: case-insensitive patterns do not distinguish them."""
    return lower.replace("i\u0307", "i").replace("ı", "i")


# Parts of a complete notice, compared without folding.
NOTICE_PARTS = tuple(
    "字体|字號|字号|打印|列印|关闭窗口|本文共|"
    "專頁|专页|粉絲|粉丝|facebook|微博|微信|"
    "opt out|opt-out|optout|cancel|this video|responsab|respons|gamble|risques|süchtig|verantwortung|bewust|gokken|fun stops|お願い|힘이|부탁|눌러|like|enjoy|aimé|gefällt|hat |gust|gost|piaciut|vond|gillade|likte|lide|pidit|líbil|páčil|podoba|"
    "tetszett|plăcut|понрав|сподоба|άρεσε|beğen|أعجبك|reserv|vorbehalten|droits|derechos|direitos|diritti|riproduzione|voorbehouden|förbehåll|forbehold|pidätet|zastrzeż|vyhrazen|fenntart|"
    "rezervate|δικαιώματος|защищен|захищен|saklıdır|dilindungi|الحقوق|حقوق|זכויות|सर्वाधिकार|স্বত্ব|ลิขสิทธิ์|版权|転載|전재|published|reproduced|"
    "copied|redistributed|rewritten|genehmigung|prohib|interdit|proibid|zabron|zgody|запрещ|ссылк|разреш|转载|轉載|不得|cookie|kakor|eväste|informasjonskaps|"
    "süti|çerez|куки|クッキー|쿠키|privacy|terms of|store and|comment|coment|kommentar|reacties|komentá|komentarz|комментар|коментар|σχόλια|yorum|"
    "التعليقات|expressed|be civil|be respectful|мнение|думка|opiniones|opinioni|opiniões|meinung|评论|本文|以上|journalism|newsroom|reporting|independent|readers like|donat|"
    "free for everyone|monthly|today|unterstützen|soutenez|faites un don|apoy|apóy|sostien|steun|stöd|støt|wesprzyj|podpořte|támogassa|susține|поддерж|"
    "підтримайте|στηρίξτε|destekleyin|ادعم|dukung|ủng hộ|article|stories|subscri|member|account|il vous reste|abonn|abo|suscriptor|assinante|abbonat|"
    "affili|afili|commission|provision|comisi|comiss|qualifying|signing|sign-up|signup|sign up|registering|submitting|clicking|entering|providing|klick|clic|klik|inscriv|iscriv|adresse|suscrib|"
    "registr|anmeldung|subscrev|assin|melden|tilmeld|klikke|melde|anmäla|zapisu|odeslán|feliratk|abonare|подписывая|нажимая|підписуючись|натискаючи|appear|original-content|principles|copyright|"
    "citation|to save|exclusiv|sign-up|jornalis|periodis|journalis|giornalis|dziennikars|novinář|újságír|jurnalis|журналист|журналіст|δημοσιογραφ|الصحاف|quedan|prenumer|tilaajille|subskryb|předplat|előfizet|подписк|подписчик|передплат|συνδρομητ|للمشتركين|مشترکان|למנויים|有料|会員|残り|유료|구독|订阅|会员|app|weiterlesen|artikel|inhalt|spam|unsubscribe|abbestell|kündbar|désabonne|cancela|share|teilen|partager|compart|condividi|delen|dela|del|jaa|udostępnij|sdílet|megosztás|distribuie|κοινοπ|поделиться|поділ|paylaş|شارك|bagikan|chia sẻ|分享|シェア|공유|"
    "every |cada |chaque |jeden |ogni |toda|todo|elke |varje |hver |codziennie|co tydzień|každ|кажд|щодня|щотижня|follow|siga|sigue|síguenos|suivez|segui|folge|volg|följ|følg|obserwuj|sledujte|ακολουθ|следите|takip|ikuti|theo dõi|关注|フォロー".split(
        "|"
    )
)
MEDIA_PARTS = tuple(MEDIA.replace("(?<![a-z])line(?![a-z])", "line").split("|"))
LAST_CALL_PARTS, FLOATING_NOTICE_PARTS = Parts.read(f"{LAST_CALLS}|{WEAK_LAST_CALLS}"), Parts.read(FLOATING_PARTS)
