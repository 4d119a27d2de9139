"""The lexicon of clutter: tables only, each with where it comes from. Matched on whole lines, lower-cased.

Whole lines are nearly free of risk; prefixes are not ("more:" opens as many sentences as link lists).
"""

import re

# Labels that stand alone above a list of other stories. Source: headings seen on news pages of many outlets, and
# their everyday translations; only ones that carry no news by themselves.
LINK_LABELS: dict[str, tuple[str, ...]] = {
    "en": (
        "explore", "explore more", "recommended", "recommended for you", "recommended stories", "related",
        "related articles", "related content", "related coverage", "related links", "related news", "related posts",
        "related stories", "related topics", "related video", "related videos", "read more", "read next", "read also",
        "also read", "also on", "more", "more from", "more stories", "more news", "more on this", "more on this story",
        "more on this topic", "more like this", "most popular", "most read", "most viewed", "most shared", "popular",
        "popular now", "popular stories", "trending", "trending now", "trending stories", "top stories", "top news",
        "latest", "latest news", "latest stories", "latest headlines", "headlines", "editor's picks", "editors' picks",
        "editor's choice", "don't miss", "you may also like", "you might also like", "you may like", "up next",
        "what to read next", "in case you missed it", "keep reading", "further reading", "see also", "see more",
        "from the web", "around the web", "from our partners", "sponsored", "sponsored stories", "promoted stories",
        "promoted content", "paid content", "elsewhere", "other stories", "other news", "in this section",
        "featured", "featured stories", "must read", "just in", "breaking news", "watch next", "must watch",
        "more in this section", "more top stories", "recent posts", "recent articles", "recent stories",
    ),
    "fr": ("lire aussi", "à lire aussi", "à lire", "voir aussi", "les plus lus", "sur le même sujet", "à la une",
           "articles liés", "recommandé", "recommandés", "dans la même rubrique", "nos derniers articles"),
    "de": ("mehr zum thema", "lesen sie auch", "lesen sie mehr", "auch interessant", "meistgelesen", "zum thema",
           "meist gelesen", "das könnte sie auch interessieren", "empfohlen", "weitere artikel", "mehr", "neueste artikel"),
    "es": ("lee también", "lea también", "le puede interesar", "te puede interesar", "más leídas", "lo más leído",
           "noticias relacionadas", "relacionadas", "relacionados", "artículos relacionados", "recomendados", "más noticias",
           "lo más visto", "últimas noticias"),
    "pt": ("leia também", "leia mais", "veja também", "mais lidas", "relacionadas", "notícias relacionadas",
           "saiba mais", "recomendadas", "últimas notícias"),
    "it": ("leggi anche", "ti potrebbe interessare", "più letti", "articoli correlati", "potrebbe interessarti"),
    "nl": ("lees ook", "lees meer", "meest gelezen", "gerelateerd", "meer nieuws"),
    "tr": ("i̇lgili haberler", "ilgili", "i̇lgili", "ilgili haberler", "önerilen", "keşfet", "çok okunanlar", "bunlar da ilginizi çekebilir"),
    "ru": ("читайте также", "читать также", "по теме", "самое читаемое", "популярное", "рекомендуем", "новости по теме",
           "смотрите также", "главное", "ещё по теме", "материалы по теме"),
    "uk": ("читайте також", "за темою", "популярне", "дивіться також"),
    "pl": ("czytaj też", "czytaj także", "czytaj więcej", "zobacz też", "zobacz także", "zobacz również", "najczęściej czytane",
           "polecamy", "przeczytaj także", "najnowsze"),
    "cs": ("čtěte také", "související články", "mohlo by vás zajímat", "nejčtenější"),
    "el": ("διαβάστε επίσης", "διαβάστε ακόμη", "σχετικά άρθρα", "δείτε επίσης", "περισσότερα", "δημοφιλή"),
    "ar": ("اقرأ أيضا", "اقرأ أيضاً", "اقرأ المزيد", "مواضيع ذات صلة", "أخبار ذات صلة", "الأكثر قراءة", "ذات صلة"),
    "fa": ("بیشتر بخوانید", "اخبار مرتبط", "مطالب مرتبط"),
    "hi": ("यह भी पढ़ें", "ये भी पढ़ें", "संबंधित खबरें"),
    "zh": ("相关新闻", "相关阅读", "相关报道", "延伸阅读", "推荐阅读", "热门新闻", "更多", "相關新聞", "延伸閱讀", "更多报道"),
    "ja": ("関連記事", "関連ニュース", "おすすめ記事", "人気記事", "あわせて読みたい", "こちらも読む"),
    "ko": ("관련기사", "관련 기사", "추천 기사", "많이 본 뉴스", "인기 기사"),
    "id": ("baca juga", "berita terkait", "terpopuler", "lihat juga", "artikel terkait"),
    "vi": ("tin liên quan", "xem thêm", "đọc thêm", "tin cùng chuyên mục"),
    "sv": ("läs mer", "läs också", "läs även", "mest läst", "relaterat"),
    "fi": ("lue myös", "luetuimmat", "aiheesta lisää"),
    "no": ("les også", "les mer", "mest lest", "les meir"),
    "da": ("læs også", "læs mere", "mest læste"),
    "hu": ("olvasta már", "kapcsolódó cikkek", "ajánljuk"),
    "ro": ("citește și", "citeşte şi", "vezi și", "articole similare", "cele mai citite"),
}  # fmt: skip

# "Also read: Another story's headline": a lead-in that makes the rest of its line a link. Source: as above; only
# lead-ins that end in a colon or a dash, and whose rest is no sentence.
INLINE_LEADS: tuple[str, ...] = (
    "read", "read more", "read also", "also read", "read next", "related", "related story", "related article", "see also",
    "more", "watch", "watch also", "listen", "recommended", "don't miss", "explore", "must read", "in pictures", "opinion",
    "lire aussi", "à lire aussi", "voir aussi", "lesen sie auch", "lesen sie mehr", "mehr zum thema", "lee también",
    "lea también", "leia também", "leia mais", "veja também", "leggi anche", "lees ook", "ilgili haber", "читайте также",
    "читайте також", "czytaj też", "czytaj także", "zobacz także", "zobacz też", "čtěte také", "διαβάστε επίσης",
    "اقرأ أيضا", "اقرأ أيضاً", "यह भी पढ़ें", "関連記事", "baca juga", "xem thêm", "läs mer", "läs också", "les også", "læs også",
    "citește și", "相关阅读",
)  # fmt: skip

# Prompts: what a page asks of its reader. Source: newsletter, app, paywall and comment boxes of news pages.
PROMPTS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r"(click|tap) here (to|for) .{0,80}",
        r"(subscribe|sign up|signup|log ?in|sign in)\b( now| here| today| free)?( (to|for|with)\b.{0,120})?",
        r"register( now| here| today| free| for (free|an account|our)\b.{0,80})",
        r"(get|receive) .{0,60}(newsletter|in your inbox|delivered|straight to your|notifications|alerts)\b.{0,60}",
        r"(download|get|install) (the|our) .{0,30}\bapp\b.{0,80}",
        r"follow (us|me|@\w+)\b.{0,80}|follow .{1,60} on (twitter|facebook|x|instagram|telegram|whatsapp|youtube|google news)\b.{0,40}",
        r"(join|like) us on .{0,60}",
        r"(continue|keep|finish) reading\b.{0,120}",
        r"(read|view|see) (the )?(full|more|original|rest of|whole|entire)\b.{0,60}(article|story|post|here|coverage|comments)\b.{0,30}",
        r"(leave|post|add|write) a (comment|reply)\b.{0,60}",
        r"(view|show|load|see|read) (all |\d+ |the )?comments?\b.{0,30}",
        r"(share|print|email|save|bookmark) (this|the) (article|story|page|post)?\b.{0,40}",
        r"advertisement|advertising|sponsored|promoted|ad|scroll to continue.{0,60}|article continues (below|after).{0,60}",
        r"story continues below.{0,40}|this (article|story) continues.{0,40}|skip (to|past|ad|advert).{0,60}",
        r"(please )?enable (javascript|cookies).{0,80}|your browser does not support.{0,80}",
        r"support (our|independent|quality) (journalism|reporting|work).{0,120}",
        r"we use cookies.{0,200}|accept (all )?cookies.{0,40}|cookie (policy|settings|preferences)",
        r"(terms of (use|service)|privacy (policy|notice))( (and|&) .{0,40})?|all rights reserved\.?",
        r"(©|\(c\)|copyright)\s.{0,120}",
        r"thank you for (reading|subscribing|signing up).{0,80}",
        r"(want|looking for) more .{0,60}\?.{0,60}",
        r"newsletters?|(s'abonner|abonnez-vous|jetzt abonnieren|suscríbete|assine|iscriviti|abone ol|подписаться)\b.{0,60}",
        r"\A(?=.*[^\W\d])(facebook|twitter|whatsapp|linkedin|email|pinterest|reddit|telegram|instagram|messenger|x|print|share|"
        r"tweet|pocket|flipboard|save|teilen|partager|compartir|compartilhar|condividi|paylaş|поделиться|comments?|"
        r"pin it|digg|more|viber|skype|line|vk|mail|tumblr|youtube|google\+|copy|link|url|\+|\||,|/|\s|\d)++",  # possessive: each word can be read in one way, and is read once; \A: `.*` runs once
    )
)

# Feed tails: what blog engines and syndicators append to an item. Source: WordPress' own default footer ("The post …
# appeared first on …"), excerpts' "Continue reading", and FeedBurner's flare.
FEED_TAILS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r"the (post|article|story) .{1,300} (first )?appeared (first )?(on|at|in) .{1,160}",
        r"(this|l') ?(post|article|entry|story) .{0,200}(was )?(first|originally) (appeared|published|posted) (on|at|by|in) .{1,160}",
        r"l['’]article .{1,300} est apparu en premier sur .{1,160}",
        r"der beitrag .{1,300} erschien zuerst auf .{1,160}",
        r"la entrada .{1,300} (se publicó primero en|aparece primero en) .{1,160}",
        r"o post .{1,300} apareceu primeiro em .{1,160}",
        r"l['’]articolo .{1,300} proviene da .{1,160}",
        r"(\[?(…|\.\.\.)\]?\s*)?(continue reading|read more|read the rest|more|weiterlesen|lire la suite|leer más|"
        r"seguir leyendo|leia mais|continua a leggere|lees verder|devamını oku|читать далее|czytaj dalej)"
        r"(\s*(…|\.\.\.|→|»|›|>))*|continue reading .{1,120}(…|\.\.\.|→|»|›|>)",
    )
)

# What precedes the body of a story. Source: datelines and bylines of English, French, German, Spanish, Portuguese,
# Italian, Dutch, Turkish and Russian outlets.
BYLINE = re.compile(
    r"(?:(?:written|reported|posted|words) )?(?:by|par|von|por|di|da|door|av|af)[:\s]\s*(?P<names>\S.{1,118})|"
    r"(?:автор|yazan|yazar|byline|author|reporter)\s*:\s*(?P<named>.{2,80})",
    re.IGNORECASE,
)
READING_TIME = re.compile(
    r"(?P<minutes>\d{1,3})[\s-]*(?:mins?|minutes?|minuten|minuti|minutos|dakika|dk|мин(?:ут[аы]?)?)\.?"
    r"(?:\s*(?:read(?:ing)?(?:\s*time)?|de lecture|de lectura|de leitura|lesezeit|leestijd|di lettura|okuma|чтения))|"
    r"(?:reading time|estimated read(?:ing)? time)\s*+:?+\s*+(?P<minutes2>\d{1,3})\s*min.*",
    re.IGNORECASE,
)
SOURCE_CREDIT = re.compile(
    r"(?:source|sources|quelle|fuente|fonte|kaynak|источник|bron|źródło|المصدر)\s*:\s*(?P<credit>\S.{0,160})",
    re.IGNORECASE,
)
# Words are possessive: splitting one in two, or giving a letter back, never helps, and doing so takes time of a high
# degree. A hyphen belongs to a word only where the word goes on behind it: "LONDON- The" has a dash there.
DATELINE = re.compile(
    r"\A(?P<dateline>(?:[A-ZÀ-ÞĀ-Ž](?:[A-ZÀ-ÞĀ-Ž.'’]|-(?![\s-]))++[ ,]*+){1,4}(?:[A-Z][\w. ]{0,24}, ?)?(?:\s*\([A-Za-z ./]{2,40}\))?)\s*(?:—|–|--|-)\s+\S"
)
# Notes about the story itself, which are part of it: whatever they look like, they stay. Source: the correction notes
# of outlets that follow the IFCN's code of principles, which asks for open corrections.
CORRECTION_NOTE = re.compile(
    r"\W{0,3}(?:corrections?|clarifications?|editor['’]s note|note to (?:the )?readers?|retraction|"
    r"this (?:article|story|report|post) (?:was|has been) (?:amended|corrected|updated|clarified|edited)|"
    r"(?:an|in an) earlier version of this|berichtigung|korrektur|anmerkung der redaktion|anm\. d\. red|correctif|"
    r"rectificatif|erratum|note de la rédaction|correcci[oó]n|fe de erratas|nota (?:del editor|da redação)|errata|"
    r"rettifica|correzione|rectificatie|correctie|düzeltme|исправление|от редакции|sprostowanie|rättelse|訂正|更正|تصحيح)"
    r"\b.{0,600}",
    re.IGNORECASE,
)


# A caption with the credit that ends it. Source: the ways of Reuters, AP, AFP, Getty and outlets that use them.
# The second field: whether it may stand anywhere, or only in a story's head where captions are expected.
# Linear time: each begins at the text's start (\A), and no repeat of white space follows one that takes white space too.
# Callers strip the caption.
CAPTIONS: tuple[tuple[re.Pattern[str], bool], ...] = (
    (re.compile(r"\A(?P<caption>.{4,}?)[\[(](?P<credit>(?:[^\[\]()]{2,50}/)?\s?(?:AP|AFP|Reuters|EPA|Getty|Getty Images|"
                r"Anadolu|AA|Xinhua|TASS|PA|dpa|ANSA|EFE|Bloomberg)[^\[\]()]{0,30})[\])]\.?"), True),
    (re.compile(r"\A(?P<caption>.{4,}?[.!?\"”’)])\s+/\s+(?P<credit>[^/.]{2,60})"), False),
    (re.compile(r"\A(?P<caption>.{4,}?)(?:\||—|–)\s*+(?:photo|image|picture|credit|foto)?+\s*+:?+\s*+(?P<credit>(?:AP|AFP|Reuters|EPA|Getty|PA)\b[^.]{0,40})"), False),
    (re.compile(r"\A(?P<caption>.{4,}?)(?:photo|image|picture|photograph|credit|foto|photo credit|image credit|courtesy)\s*(?:by|:|/|©)\s*(?P<credit>[^.]{2,80})", re.IGNORECASE), False),
    (re.compile(r"\A(?P<caption>)(?:photo|image|picture|photograph|foto)(?: credit| by)?\s*[:©]\s*(?P<credit>[^.]{2,80})", re.IGNORECASE), True),
)  # fmt: skip

# Class and id names of containers that hold clutter. Source: names seen on news pages; whole words of the attribute.
CLUTTER_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:related|recirc|recommend(?:ed|ations?)?|more-?(?:from|stories|on)|most-?(?:read|popular)|trending|"
    r"share(?:daddy|bar|-?(?:bar|buttons?|tools?|links?))?|social(?:-?(?:share|links|media|bar))?|sharing|newsletter|subscri(?:be|ption)|promo(?:tion)?|"
    r"sponsor(?:ed)?|advert(?:isement)?|ads?|outbrain|taboola|comments?|disqus|breadcrumbs?|paywall|cookie|popup|"
    r"jp-relatedposts|yarpp|feedflare|mc4wp|tags-?links?|post-?tags|pagination|sidebar|widget|nav(?:igation|bar)?|menu|footer|skip-?link|explore)(?:$|[\s_-])",
    re.IGNORECASE,
)

# Hosts whose images and links only count readers. Source: the pixels that WordPress, FeedBurner and ad servers add.
TRACKING_PIXEL = re.compile(
    r"//(?:pixel\.|stats\.|feeds\.feedburner\.com/~r|[^/]*\.doubleclick\.net|b\.scorecardresearch\.com|"
    r"feeds\.wordpress\.com|[^/]*/~(?:ff|r|4)/)|/(?:pixel|beacon|track(?:ing)?)(?:\.gif|\.png|/)",
    re.IGNORECASE,
)
