"""Labels above lists of links, and lead-ins before a link. Tables only, matched on complete lines without case.

A complete line is nearly free of risk. A prefix is not: "more:" opens as many sentences as link lists.
"""

# Labels that stand alone above a list of other articles, by language. Source: headings on news pages of many outlets and
# their common translations. Only labels without any news of their own.
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
           "lo más visto", "últimas noticias", "más información", "más sobre este tema"),
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

# Lead-ins of a link, as in "Also read: headline of another story". Source: as above. Only lead-ins that end in a colon
# or a dash and precede a link or a headline.
INLINE_LEADS: tuple[str, ...] = (
    "read", "read more", "read also", "also read", "read next", "related", "related story", "related article", "see also",
    "more", "watch", "watch also", "listen", "recommended", "don't miss", "explore", "must read", "in pictures", "opinion",
    "lire aussi", "à lire aussi", "voir aussi", "lesen sie auch", "lesen sie mehr", "mehr zum thema", "lee también",
    "lea también", "leia também", "leia mais", "veja também", "leggi anche", "lees ook", "ilgili haber", "читайте также",
    "читайте також", "czytaj też", "czytaj także", "zobacz także", "zobacz też", "čtěte také", "διαβάστε επίσης",
    "اقرأ أيضا", "اقرأ أيضاً", "यह भी पढ़ें", "関連記事", "baca juga", "xem thêm", "läs mer", "läs också", "les også", "læs også",
    "citește și", "相关阅读",
)  # fmt: skip
