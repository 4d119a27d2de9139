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

# Labels above links of advertisers, which lead to other sites. Source: the widgets of Outbrain, Taboola and Revcontent.
SPONSOR_LABELS = frozenset(
    "sponsored|sponsored stories|sponsored content|promoted|promoted stories|promoted content|promoted links|paid content|from the web|around the web|"
    "from our partners|elsewhere|you may like|you may also like|you might also like|recommended|recommended for you|anzeige|anzeigen|werbung|publicité|"
    "publicidad|publicidade|pubblicità|reklama|reklam|реклама|sponsorisé|contenus sponsorisés|contenido patrocinado|patrocinado|广告|推荐".split(
        "|"
    )
)

# Lead-ins that also stand alone above a list, in more languages and wordings. Source: as above.
MORE_LEADS: dict[str, tuple[str, ...]] = {
    "en": ("also see", "now read", "more on this", "related stories", "watch next", "further reading", "next read", "dig deeper", "go deeper", "exclusive read more", "exclusiveread more",
           "recommended reading", "you may also like", "keep reading", "related reading"),
    "fr": ("à lire", "a lire", "a lire aussi", "à lire également", "lire également", "à voir aussi", "à relire", "sur le même sujet", "pour aller plus loin", "lire notre article"),
    "de": ("lesen sie dazu", "lesen sie dazu auch", "lies auch", "mehr dazu", "auch interessant", "auch lesenswert", "siehe auch", "lesetipp", "passend dazu"),
    "es": ("lee además", "lee más", "lea más", "leé también", "leer también", "te puede interesar", "le puede interesar", "ver también", "vea también",
           "mira también", "mirá también", "no te pierdas", "relacionado", "te recomendamos"),
    "pt": ("leia ainda", "ler também", "saiba mais", "confira também", "ver também", "relacionado", "veja mais", "não perca"),
    "it": ("leggi tutto", "guarda anche", "vedi anche", "per approfondire", "potrebbe interessarti", "leggi pure"),
    "nl": ("lees meer", "bekijk ook", "zie ook", "lees verder"),
    "sv": ("läs även", "se även", "läs vidare", "missa inte"), "da": ("læs mere", "se også", "hør også"), "no": ("les mer", "les meir", "se også"),
    "fi": ("lue lisää", "katso myös", "lue myös tämä", "lue myös"), "is": ("lesa meira", "sjá einnig", "lesið einnig"),
    "pl": ("czytaj więcej", "zobacz również", "czytaj również", "przeczytaj też", "przeczytaj także", "przeczytaj również", "sprawdź też"),
    "cs": ("čtěte též", "přečtěte si také", "přečtěte si", "více čtěte", "mohlo by vás zajímat"), "sk": ("čítajte aj", "prečítajte si aj", "čítajte tiež"),
    "hu": ("olvasta már", "olvassa el ezt is", "ezt is olvassa el", "kapcsolódó", "kapcsolódó cikk"),
    "ro": ("citeşte şi", "citiți și", "vezi și", "vezi şi"), "bg": ("вижте още", "прочетете още", "чети още", "още по темата"),
    "hr": ("pročitajte i", "pročitaj i", "čitajte i", "pogledajte i"), "sr": ("прочитајте и", "pročitajte još", "прочитајте још"),
    "sl": ("preberite tudi", "preberi tudi"), "et": ("loe ka", "loe lisaks", "vaata ka"), "lv": ("lasi arī", "lasiet arī"),
    "lt": ("skaitykite taip pat", "taip pat skaitykite"), "ca": ("llegeix també", "llegiu també", "et pot interessar"),
    "el": ("διαβάστε ακόμη", "διαβάστε ακόμα", "δείτε επίσης", "δείτε ακόμη"),
    "tr": ("ayrıca okuyun", "ayrıca oku", "bunu da okuyun", "bunu da oku", "ilginizi çekebilir", "i̇lginizi çekebilir", "i̇lgili haber"),
    "ru": ("читайте", "читать также", "смотрите также", "также читайте", "по теме", "ещё по теме", "материалы по теме", "материал по теме", "см. также"),
    "uk": ("дивіться також", "також читайте", "читайте ще", "за темою", "по темі"),
    "ar": ("اقرأ المزيد", "إقرأ المزيد", "إقرأ أيضا", "إقرأ أيضاً", "طالع أيضا", "طالع أيضاً", "شاهد أيضا", "شاهد أيضاً", "قد يهمك", "قد يهمك أيضا", "قد يهمك أيضاً"),
    "fa": ("بیشتر بخوانید", "همچنین بخوانید", "حتما بخوانید", "بیشتر بدانید", "مطالعه بیشتر"), "ur": ("مزید پڑھیں", "یہ بھی پڑھیں"),
    "he": ("קראו גם", "קראו עוד", "לקריאה נוספת", "ראו גם", "עוד בנושא"),
    "hi": ("ये भी पढ़ें", "इसे भी पढ़ें", "और पढ़ें", "यह भी देखें"), "bn": ("আরও পড়ুন", "আরো পড়ুন", "আরও পড়ুন", "আরো পড়ুন"),
    "ta": ("மேலும் படிக்க", "இதையும் படியுங்கள்", "இதையும் படிங்க"), "th": ("อ่านเพิ่มเติม", "อ่านต่อ", "อ่านข่าวที่เกี่ยวข้อง", "ข่าวที่เกี่ยวข้อง", "ดูเพิ่มเติม"),
    "vi": ("đọc thêm", "xem ngay", "tin liên quan"), "id": ("baca selengkapnya", "simak juga", "lihat juga", "tonton juga", "baca lagi"),
    "sw": ("soma pia", "soma zaidi", "tazama pia"), "fil": ("basahin din", "panoorin"), "af": ("lees ook",),
    "ja": ("あわせて読みたい", "こちらも読む", "あわせて読む", "次に読む", "関連リンク", "関連ニュース"),
    "zh": ("延伸阅读", "延伸閱讀", "推荐阅读", "相关新闻", "相關新聞", "相关报道", "相關報導", "相关链接", "更多阅读", "阅读更多", "看更多"),
    "ko": ("관련기사", "관련 기사", "함께 읽기", "추천기사", "추천 기사", "관련 뉴스"),
}  # fmt: skip
# Labels of lists only, in more languages and wordings. Source: as above.
MORE_LABELS: dict[str, tuple[str, ...]] = {
    "en": ("more to explore", "more from this author", "more by this author", "more in this series", "other posts you may like", "popular posts", "top posts",
           "more posts", "older posts", "newer posts", "stories you may have missed", "our latest stories", "more on this topic"),
    "fr": ("nos articles", "articles similaires", "articles récents", "posts récents", "à lire sur le sujet", "vous aimerez aussi", "ces articles peuvent vous intéresser",
           "dans l'actualité", "articles associés", "les plus partagés", "prolongez votre lecture"),
    "de": ("weitere artikel aus dem ressort", "weitere beiträge", "ähnliche beiträge", "ähnliche artikel", "mehr aus dem ressort", "aus dem ressort",
           "neueste beiträge", "aktuelle beiträge", "das könnte dich auch interessieren", "das könnte ihnen auch gefallen", "beliebte beiträge", "verwandte artikel"),
    "es": ("entradas relacionadas", "entradas recientes", "otras noticias", "lo último", "últimas entradas", "también te puede gustar", "más leído",
           "sigue leyendo", "lo más comentado", "otros artículos"),
    "pt": ("posts relacionados", "artigos relacionados", "outras notícias", "você também pode gostar", "pode também gostar de", "matérias relacionadas",
           "mais notícias", "posts recentes", "últimas"),
    "it": ("articoli simili", "articoli recenti", "post recenti", "altri articoli", "ultimi articoli", "ti potrebbero interessare", "i più letti", "ultime notizie"),
    "nl": ("gerelateerde artikelen", "andere artikelen", "recente berichten", "recente blogposts", "meer berichten", "dit vind je misschien ook leuk", "populair"),
    "sv": ("liknande artiklar", "relaterade artiklar", "fler artiklar", "senaste nytt", "senaste inläggen", "senaste inlägg", "du kanske också gillar"), "da": ("relaterede artikler", "seneste nyt", "seneste indlæg", "flere artikler"),
    "no": ("relaterte artikler", "siste nytt", "flere saker", "siste innlegg"), "fi": ("aiheeseen liittyvää", "muita juttuja", "tuoreimmat", "viimeisimmät"),
    "pl": ("podobne artykuły", "powiązane artykuły", "najnowsze wpisy", "ostatnie wpisy", "ostatnie posty", "zobacz więcej", "może cię zainteresować", "może cię zainteresować także", "to też może cię zainteresować"),
    "cs": ("podobné články", "další články", "nejnovější články", "nejnovější příspěvky"), "sk": ("súvisiace články", "podobné články", "najčítanejšie"),
    "hu": ("hasonló cikkek", "további cikkek", "legolvasottabb", "legfrissebb"), "ro": ("articole recomandate", "articole recente", "alte articole", "știri similare"),
    "el": ("περισσότερα άρθρα", "σχετικές αναρτήσεις", "τελευταία νέα", "πρόσφατα άρθρα"),
    "tr": ("benzer yazılar", "i̇lgili yazılar", "ilgili yazılar", "son yazılar", "diğer haberler", "en çok okunanlar"),
    "ru": ("похожие записи", "похожие статьи", "другие новости", "последние новости", "свежие записи", "недавние посты", "последние записи", "вам может понравиться", "что ещё почитать"),
    "uk": ("схожі записи", "інші новини", "останні новини", "останні публікації", "читайте більше"), "bg": ("още новини", "подобни статии", "най-четени"),
    "hr": ("najčitanije", "povezani članci", "vezane vijesti"), "sr": ("најчитаније", "повезане вести", "povezane vesti"),
    "ar": ("مقالات ذات صلة", "المزيد", "مقالات أخرى", "أحدث الأخبار", "أحدث المقالات", "أحدث المنشورات", "أخبار متعلقة", "موضوعات متعلقة"), "fa": ("پربازدیدترین‌ها", "آخرین اخبار", "مطالب پیشنهادی"),
    "he": ("כתבות נוספות", "הנקראות ביותר", "כתבות קשורות", "פוסטים קשורים"), "hi": ("ताज़ा खबरें", "सबसे ज्यादा पढ़ी गई", "अन्य खबरें"), "bn": ("সম্পর্কিত খবর", "সর্বাধিক পঠিত", "সর্বশেষ"),
    "th": ("ข่าวล่าสุด", "ยอดนิยม", "เรื่องที่คุณอาจสนใจ"), "vi": ("tin mới nhất", "bài viết liên quan", "có thể bạn quan tâm"),
    "id": ("berita lainnya", "artikel lainnya", "berita terbaru", "rekomendasi untuk anda"),
    "ja": ("こちらの記事もどうぞ", "関連する記事", "関連エントリー", "最近の記事", "最新記事", "人気の記事", "おすすめの記事", "この記事を読んだ人はこんな記事も読んでいます", "合わせて読みたい", "前後の記事"),
    "zh": ("猜你喜欢", "相关文章", "热门文章", "最新文章", "推荐文章", "您可能也喜欢", "相關文章", "熱門文章", "大家都在看"),
    "ko": ("이 기사도 보세요", "최신 기사", "최근 게시물", "최근 글", "인기 글", "관련 글", "함께 보면 좋은 글", "주요 뉴스"),
}  # fmt: skip

# Lead-ins of a link, as in "Also read: headline of another article". Source: as above. Only lead-ins that end in a colon
# or a dash and precede a link or a headline.
_FIRST_LEADS: tuple[str, ...] = (
    "read", "read more", "read also", "also read", "read next", "related", "related story", "related article", "see also",
    "more", "watch", "watch also", "listen", "recommended", "don't miss", "explore", "must read", "in pictures", "opinion",
    "lire aussi", "à lire aussi", "voir aussi", "lesen sie auch", "lesen sie mehr", "mehr zum thema", "lee también",
    "lea también", "leia também", "leia mais", "veja também", "leggi anche", "lees ook", "ilgili haber", "читайте также",
    "читайте також", "czytaj też", "czytaj także", "zobacz także", "zobacz też", "čtěte také", "διαβάστε επίσης",
    "اقرأ أيضا", "اقرأ أيضاً", "यह भी पढ़ें", "関連記事", "baca juga", "xem thêm", "läs mer", "läs också", "les også", "læs også",
    "citește și", "相关阅读",
)  # fmt: skip
INLINE_LEADS = tuple(dict.fromkeys((*_FIRST_LEADS, *(lead for leads in MORE_LEADS.values() for lead in leads))))
