"""Feed tails: lines that blog engines and syndicators append to each item. Tables only."""

import re

# Complete lines. Source: the default footer of WordPress ("The post … appeared first on …") in its translations
# (translate.wordpress.org), "Continue reading" after
# excerpts, FeedBurner's flare, the footers of Blogger in its languages and of Medium, the notes that podcast hosts append,
# the line of a Korean or Japanese reporter with an address, and the counts of Discourse and hnrss, and the head and foot of newsletters by Mailchimp, Substack and Buttondown.
FEED_TAILS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r"the (post|article|story) .{1,300} (?:appeared first (on|at|in)|(?:first|originally) appeared (on|at)) .{1,160}",
        r"(this|l') ?(post|article|entry|story) .{0,200}(was )?(first|originally) (appeared|published|posted) (on|at|by|in) .{1,160}",
        r"(l['’]|cet )article .{1,300} est apparu en premier sur .{1,160}",
        r"der beitrag .{1,300} erschien zuerst auf .{1,160}",
        r"la entrada .{1,300} (se publicó primero en|aparece primero en) .{1,160}",
        r"(o post .{1,300} apareceu|o conteúdo .{1,300} aparece) primeiro em .{1,160}",
        r"l['’]articolo .{1,300} (proviene da|sembra essere il primo su) .{1,160}",
        r"het (bericht|artikel) .{1,300} verscheen eerst op .{1,160}",
        r"(artykuł|wpis|post) .{1,300} (pochodzi z serwisu|pojawił się (najpierw|po raz pierwszy) (w|na)) .{1,160}",
        r"(сообщение|запись) .{1,300} (появил[иоа]сь сначала|впервые появилась) на .{1,160}|запис .{1,300} (спершу|вперше) з['’ʼ]явився на .{1,160}",
        r"inlägget .{1,300} (dök först upp|publicerades först) på .{1,160}|indlægget .{1,300} blev (først )?(udgivet|vist) (først )?(på|den) .{1,160}",
        r"(innlegget|innlegg) .{1,300} (dukket først opp|ble først publisert) på .{1,160}|(artikkeli|julkaisu) .{1,300} (julkaistiin|ilmestyi) ensi(mmäisen kerran|n) .{1,160}",
        r"příspěvek .{1,300} (pochází z|se nejdříve objevil na) .{1,160}|(príspevok|článok) .{1,300} zobrazený najskôr .{1,160}",
        r"a(\(z\)|z)? .{1,300} bejegyzés (először )?.{1,160} jelent meg( először)?\.?|(articolul|articol) .{1,300} apare prima dată (în|pe) .{1,160}",
        r"το άρθρο .{1,300} (εμφανίστηκε πρώτα|πρωτοεμφανίστηκε) στ(ο|η|ις) .{1,160}|(публикацията|објава) .{1,300} (е публикувана за пръв път|се појави прво) (на|в) .{1,160}",
        r"l['’]entrada .{1,300} ha aparegut primer a .{1,160}|a entrada .{1,300} (publicouse primeiro|aparece primeiro) en .{1,160}",
        r"(ظهرت|تم نشر) (المقالة|المقال|التدوينة) .{1,300} (أولاً|أولا) (على|في) .{1,160}|הפוסט .{1,300} הופיע לראשונה ב.{1,160}|نوشته .{1,300} اولین بار در .{1,160} پدیدار شد\.?",
        r"bài viết .{1,300} (đã )?xuất hiện đầu tiên (vào ngày|trên|tại) .{1,160}|pos .{1,300} (muncul pertama kali|pertama kali tampil) (di|pada) .{1,160}",
        r"投稿 ?.{1,300} ?は ?.{1,160} ?(?:に最初に(?:表示|投稿)されました|の最初に登場しました)。?",
        r".{1,300} was originally published (in|on|at) .{1,80} on .{1,120}, where people are .{1,200}",
        r"(posted|published) by .{1,80} at \d{1,2}[:.]\d\d.{0,60}|(postado|publicado) por .{1,80} (às|a las?|en) \d{1,2}[:.]\d\d.{0,60}",
        r"publié par .{1,80} à \d{1,2}[:.h]\d\d.{0,60}|eingestellt von .{1,80} um \d{1,2}[:.]\d\d.{0,60}|pubblicato da .{1,80} alle \d{1,2}[:.]\d\d.{0,60}",
        r"(gepost door|diposting oleh|gönderen|opublikowane przez|upplagd av|lagt ut av|автор:|投稿者) .{1,80} (op|di|zaman:|o|kl\.|на|時刻:) ?\d{1,2}[:.]\d\d.{0,60}",
        r"(this|today['’]s) (episode|podcast|show|newsletter|edition) is (sponsored|supported|presented|brought to you) by .{1,240}",
        r"(subscribe|listen|follow|rate|review) .{0,60}(apple podcasts|itunes|spotify|overcast|google podcasts|wherever you (get|listen)|your favou?rite podcast app).{0,120}",
        r"learn more about your ad choices.{0,120}|(see|visit) \S{3,80}/(privacy|adchoices|listener|policies)\S* for .{0,120}|hosted on acast.{0,120}",
        r"[^\s\d]{2,8} ?(기자|특파원|記者) ?\S{1,40}@\S{3,60}",
        # Names, not a sentence: "Filed in court on Monday, the suit names two banks."
        r"(filed|posted) (under|in): .{1,160}(?<![.!?])|(filed|posted) (under|in) [^\s,.;!?|/•]{1,30}(?: [^\s,.;!?|/•]{1,30}){0,3}(?:\s?[,|/•]\s?[^\s,.;!?|/•]{1,30}(?: [^\s,.;!?|/•]{1,30}){0,3}){0,12}",
        r"in this article: .{1,160}(?<![.!?])|(tags?|tagged|kategorien?|schlagwörter|catégories?|étiquettes?|categorías?|etiquetas?|categorie|categorieën|теги|рубрик[аи]|метки|"
        r"etiketler|címkék|etichete|ετικέτες|avainsanat|tunnisteet|taggar|etiketter|emneord|stikord|štítky|značky|słowa kluczowe|oznake|етикети|тэги|мітки|"
        r"الوسوم|وسوم|كلمات دلالية|برچسب‌?ها|תגיות|टैग|ট্যাগ|แท็ก|từ khóa|kata kunci|标签|標籤|タグ|태그)( with)? ?[:：] ?.{1,160}(?<![.!?。])",
        r"(view|open|read) (this )?(e-?mail|newsletter|message|issue) (in|on) (your|the|a) (browser|web).{0,20}|forwarded this e-?mail\?.{0,120}",
        r"(you are|you['’]re) receiving this (e-?mail|newsletter|message) because.{0,200}|our mailing address is.{0,200}|unsubscribe\b.{0,120}|(update|manage) (your )?(e-?mail )?preferences.{0,80}",
        r"(diese e-?mail|diesen newsletter) im browser (an)?sehen.{0,40}|(voir|lire) (cet e-?mail|cette lettre) dans (le|votre) navigateur.{0,40}|ver este (correo|e-?mail) en (el|tu) navegador.{0,40}",
        r"(vedi|leggi) questa e-?mail nel browser.{0,40}|bekijk deze (e-?mail|nieuwsbrief) in je browser.{0,40}|ver (este )?e-?mail no navegador.{0,40}|visa (detta mejl|detta brev) i webbläsaren.{0,40}",
        r"our sponsors:.{0,400}|advertising inquiries:.{0,120}|privacy (&|and) opt-out:.{0,120}|upgrade to paid|give a gift subscription|get more from .{1,60} in the .{1,30} app",
        r"\d{1,5} posts? [-–] \d{1,5} participants?|comments url: \S{5,300}|points: \d{1,6}|# comments: \d{1,6}",
        r"(reply|respond|comment) (via|by) e-?mail.{0,60}|(thanks|thank you) for (using|reading (this )?(via|by|in|with)) (rss|a feed reader).{0,80}",
        r"support (the|this|our) (show|podcast|channel)( on .{1,60}|:).{0,160}",
        r"(\[?(…|\.\.\.)\]?\s*)?(continue reading|read more|read the rest|more|weiterlesen|lire la suite|leer más|"
        r"seguir leyendo|leia mais|continua a leggere|lees verder|devamını oku|читать далее|czytaj dalej)"
        r"(?:\s*+(?:…|\.\.\.|→|»|›|>))*+|continue reading .{1,120}(…|\.\.\.|→|»|›|>)",
    )
)
# The default footer of WordPress in languages that begin it with the title. They cost half of all tails, and none of them
# is ASCII.
TITLE_FIRST_TAILS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r".{1,300} ?最先出[现現](在|于|於) ?.{1,160}|.{1,300} ?(글은|게시물이|게시물은) ?.{1,160}에 처음 등장했습니다\.?",
        r".{1,300} (yazısı|gönderisi) (ilk önce|i̇lk önce) .{1,160} üzerinde ortaya çıktı\.?",
    )
)
# A tail that begins with the title contains one of these in lower case. The patterns take ten times as long.
TITLE_FIRST_PARTS = ("最先出", "처음 등장", "ortaya")
# A line of hashtags. Within a sentence they are words, so this is no tail of a paragraph.
ONE_HASHTAG = re.compile(r"#[^\W\d_][\w-]{0,40}")
HASHTAGS = re.compile(r"(?:#[^\W_][\w-]{0,40}[\s,]{0,3}){2,20}")
