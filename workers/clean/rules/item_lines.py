"""Item lines: lines that site builders put around the story in a feed's item. Tables only.

LINES are clutter at any place of an item. EDGE_LINES are clutter above the first or below the last sentence of the story,
because a story may have such a line in its middle, as "Category: novels" of an award. Both are complete lines of at most
MAX_CHARS characters. item_lines.tsv lists exact lines by kind (line, edge) and language. Pages and dumps do not use these tables.

Source: our wording of the lines of WordPress (Post Views Counter, Reading Time WP, Easy Table of Contents), Joomla, Drupal,
Blogger, Wix, Medium, Tumblr, Ghost, Substack, Beehiiv, Buttondown, Mailchimp and YouTube, and of portals, in the languages of
the corpus. Linear time: repeats are bounded, and each alternative begins with its own words.
"""

import re
from pathlib import Path

from workers.clean.phrases import read_entries
from workers.text.normalise import match_key

FILE = Path(__file__).with_name("item_lines.tsv")
_ENTRIES = read_entries(FILE)
EXACT_LINES = frozenset(match_key(entry.phrase) for entry in _ENTRIES if entry.kind == "line")
EXACT_EDGE_LINES = frozenset(match_key(entry.phrase) for entry in _ENTRIES if entry.kind == "edge")
MAX_CHARS = 320
_NETWORKS = (
    r"(?:x|facebook|twitter|bluesky|threads|whatsapp|whats ?app|telegram|linkedin|reddit|pinterest|mastodon|messenger|viber|line|"
    r"e-?mail|vk|vkontakte|ok|weibo|wechat|instagram|tumblr|flipboard|pocket|hacker news|xing|фейсбук|телеграм|вконтакте|微信|微博|"
    r"فيسبوك|فيس بوك|تويتر|واتساب|تلغرام|تيليجرام|تلگرام|توییتر|פייסבוק|טוויטר|וואטסאפ|フェイスブック|ツイッター|페이스북|트위터|카카오톡)"
)
_SEPARATOR = r"\s?(?:[|·•,/&+]|and|or|und|et|y|e|en|och|og|i|a|и|ve|و)?\s?"
_SHARE_VERBS = (
    r"(?:share|send|post|tweet|teilen|senden|partager|envoyer|compartir|comparte|enviar|compartilhar|compartilhe|partilhar|partilhe|condividi|"
    r"invia|delen|deel|dela|del|send|jaa|lähetä|udostępnij|wyślij|sdílet|odeslat|zdieľať|megosztás|küldés|distribuie|trimite|κοινοποίηση|"
    r"κοινοποίησε|поделиться|отправить|поділитися|надіслати|сподели|подели|podijeli|podeli|deli|dalies|dalintis|jaga|paylaş|gönder|bagikan|kongsi|"
    r"chia sẻ|shiriki|ibahagi|شارك|مشاركة|اشتراک‌گذاری|שתף|שתפו|साझा करें|শেয়ার করুন|แชร์|分享|分享到|シェア|공유)"
)
_PREPOSITIONS = (
    r"(?:this|on|to|via|by|with|through|auf|bei|per|mit|über|sur|par|avec|en|por|con|no|na|pelo|pela|com|su|tramite|op|met|på|med|over|via|w|we|na|do|"
    r"přes|cez|a|pe|prin|στο|μέσω|в|во|у|через|на|da|ile|ke|di|ke|lên|qua|على|عبر|في|در|ב|على|บน|到|に|に)"
)
_MINUTES = (
    r"(?:min|mins|minutes?|minuten?|minutter|minuutti[a]?|minuti?|minutos?|minuty|minut|minút[ya]?|perc|minute|λεπτ[όά]|минут[аыу]?|мин|хвилин[аиу]?|хв|"
    r"минути?|minuta|minutė[s]?|minūtes?|minutit?|dakika|dk|menit|phút|dakika|minuto|دقائق|دقيقة|دقیقه|דקות|דקה|मिनट|মিনিট|นาที|分钟|分鐘|分|분)"
)
_READING = (
    r"(?:read(?:ing)?(?: time)?|lesezeit|lesen|de lecture|de lectura|de leitura|di lettura|leestijd|lezen|läsning|lästid|läsetid|læsetid|læsning|lesetid|"
    r"lukuaika|lukemista|czytania|čtení|čítania|olvasás|olvasási idő|citire|ανάγνωσης|чтения|читання|четене|čitanja|branja|skaitymo|lasīšanas|lugemist|"
    r"okuma(?: süresi)?|baca|membaca|đọc|pagbabasa|قراءة|مطالعه|קריאה|पढ़ने|পড়ার|阅读|閱讀|で読めます|읽기)"
)
_READING_LABELS = (
    r"(?:(?:estimated |average )?read(?:ing)? time|lesezeit|lesedauer|(?:temps|durée) de lecture|tiempo de lectura|tempo de leitura|tempo di lettura|leestijd|"
    r"lästid|læsetid|lesetid|lukuaika|czas czytania|doba čtení|čas čtení|doba čítania|čas čítania|olvasási idő|timp de citire|χρόνος ανάγνωσης|время чтения|"
    r"час читання|време за четене|vrijeme čitanja|vreme čitanja|čas branja|skaitymo laikas|lasīšanas laiks|lugemisaeg|okuma süresi|waktu baca|"
    r"thời gian đọc|oras ng pagbasa|وقت القراءة|مدة القراءة|زمان مطالعه|זמן קריאה|पढ़ने का समय|পড়ার সময়|เวลาอ่าน|阅读时间|閱讀時間|読了時間|この記事は約|읽는 시간)"
)
READING_TIMES = (
    r"post views: [\d., \u202f]{1,12}",
    rf"{_READING_LABELS}\s?[:：]?\s?(?:[<>~≈約约]\s?)?\d{{1,3}}(?:\s?[-–]\s?\d{{1,3}})?\s?{_MINUTES}\.?",
    rf"(?:[<>~≈]\s?)?\d{{1,3}}(?:\s?[-–]\s?\d{{1,3}})?\s?{_MINUTES}\.? {_READING}\.?|{_READING} \d{{1,3}} {_MINUTES}\.?|\d{{1,3}}\s?分(?:で読めます|钟阅读|鐘閱讀)",
)
_COUNT = r"\d{1,3}(?:[\s.,\u202f']?\d{3}){0,3}(?:[.,]\d)?\s?[km]?"
_VIEW_LABELS = (
    r"(?:(?:post |page |total |article )?(?:views|hits|reads|pageviews)|aufrufe|seitenaufrufe|zugriffe|gelesen|(?:nombre de )?(?:vues|lectures)|affichages|clics|"
    r"(?:número de )?(?:visitas|vistas|lecturas)|(?:visualizações|acessos|visualizaciones)|(?:visite|visualizzazioni|letture)|(?:aantal keer gelezen|weergaven|hits)|visningar|visninger|"
    r"katselukerrat|lukukerrat|odsłony|wyświetlenia|wyświetleń|odsłon|zobrazení|přečteno|počet zobrazení|zobrazenia|čítané|zobrazené|megtekintések|találatok|olvasottság|"
    r"vizualizări|accesări|afișări|προβολές|εμφανίσεις|просмотры|просмотров|количество просмотров|прочитано|перегляди|переглядів|прегледи|преглеждания|прегледа|"
    r"pregledi|pogleda|hitova|ogledi|peržiūros|skatījumi|vaatamisi|görüntülenme|okunma|okunma sayısı|görüntüleme|dibaca|dilihat|tayangan|lượt xem|lượt đọc|"
    r"(?:عدد )?(?:المشاهدات|القراءات|الزيارات)|مشاهدات|تعداد بازدید|بازدید|צפיות|बार देखा गया|পঠিত|จำนวนผู้ชม|เข้าชม|ดู|阅读(?:量|数|次数)?|閱讀(?:量|數)?|点击(?:数|量|次数)?|點擊(?:數|率)?|浏览(?:量|次数)?|瀏覽(?:數|人次)?|"
    r"閲覧数|アクセス数|조회|조회수)"
)
_COUNTED = (
    r"(?:notes?|likes?|reblogs?|reposts?|boosts?|shares?|comments?|replies|claps?|retweets?|favou?rites?|views?|upvotes?|reactions?|restacks?|"
    r"kommentare?|gefällt mir|j['’]aime|commentaires?|partages?|me gusta|comentarios?|curtidas?|comentários?|mi piace|commenti|reacties|kommentarer|"
    r"komentarze|komentarzy|komentáře|комментари(?:й|я|ев)|лайк(?:а|ов)?|yorum|beğeni|komentar|点赞|评论|いいね|コメント)"
)
_COUNT_SEPARATOR = r"\s{0,2}(?:[|·•,/&+–-]|and|und|et|y)\s{0,2}"
COUNTS = (
    rf"{_VIEW_LABELS}\s?[:：]\s?{_COUNT}(?: (?:times?|keer|mal|fois|veces|vezes|volte|раз|次))?\.?|{_VIEW_LABELS}[（(]{_COUNT}[)）]",
    rf"(?:liked|reblogged|shared|reposted|boosted|read|viewed) {_COUNT} times(?:{_COUNT_SEPARATOR}{_COUNT} {_COUNTED}){{0,4}}\.?",
    rf"{_COUNT} {_COUNTED}(?:{_COUNT_SEPARATOR}{_COUNT} {_COUNTED}){{0,5}}",
)
_CATEGORY_LABELS = (
    r"(?:categor(?:y|ies)|(?:posted|filed|published|categori[sz]ed) (?:in|under)|labels?|keywords?|rubrik(?:en)?|ressorts?|kategorien?|themen|stichw[oö]rter|veröffentlicht in|rubriques?|"
    r"catégories?|publié dans|classé dans|mots[- ]clés?|libellés?|sous le thème|categorías?|publicado en|archivado en|palabras clave|temas|categorias?|publicado em|arquivado em|"
    r"palavras-chave|marcadores|assuntos|categori[ae]|pubblicato in|etichette|parole chiave|argomenti|categorie(?:ën)?|geplaatst in|trefwoorden|labels|rubriek|"
    r"kategori(?:er)?|publicerat i|nyckelord|ämnen|udgivet i|emner|nøkkelord|publisert i|nøgleord|kategoria|kategoriat|asiasanat|aiheet|julkaistu kategoriassa|"
    r"kategorie|opublikowano w|etykiety|tagi|rubrika|zařazeno v|klíčová slova|kategória|zaradené v|kľúčové slová|kategóriák?|kulcsszavak|témák|"
    r"publicat în|cuvinte cheie|κατηγορί(?:α|ες)|λέξεις[- ]κλειδιά|δημοσιεύθηκε στην?|категори[ия]|раздел|опубликовано в|ключевые слова|темы|категорі[яї]|розділ|"
    r"ключові слова|теми|ярлыки|ключови думи|категории|kategorije?|ključne riječi|ključne reči|oznake|objavljeno u|kategorijos|raktažodžiai|kategorijas|märksõnad|"
    r"kategori|etiketler|anahtar kelimeler|konular|kata kunci|topik|diposting di|chuyên mục|danh mục|từ khóa|mga kategorya|"
    r"كلمات (?:مفتاحية|دليلية|البحث)|الكلمات (?:المفتاحية|الدلالية)|التصنيف(?:ات)?|تصنيف|القسم|الأقسام|المواضيع|دسته(?:‌| )?بندی|دسته|کلیدواژه‌?ها|کلمات کلیدی|موضوعات|"
    r"קטגוריות?|מילות מפתח|נושאים|श्रेणी|कीवर्ड|বিভাগ|หมวดหมู่|คำสำคัญ|分类|分類|栏目|關鍵字|关键词|关键字|關鍵詞|カテゴリー?|キーワード|카테고리|분류|키워드)"
)
_WORDS = r"[^\s,،、;|.:!?。][^,،、;|.:!?。]{0,39}"
_COMMENT_COUNTS = (
    r"(?:comments?|kommentare?|commentaires?|comentarios?|comentários?|commenti|reacties|kommentarer|kommentit|komentarze|komentáře|diskuse|diskuze|diskusia|hozzászólások|comentarii|σχόλια|комментарии|"
    r"комментариев|коментарі|коментари|komentari|yorumlar?|komentar|bình luận|التعليقات|تعليقات|نظرات|דיבורים|תגובות|コメント|トラックバック|댓글|공감|좋아요|评论|評論|留言|likes?|shares?|notes|visits|조회|조회수|浏览|閲覧)"
)
COMMENT_COUNTS = (rf"{_COMMENT_COUNTS} ?(?:[:：] ?\d{{1,6}}|[(（]\d{{1,6}}[)）]|\d[\d,]{{0,8}})",)
# Dates with a label.
_DATE = r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})\.?"
_TIME = r"(?:,?\s?(?:[–—|-]\s?)?\d{1,2}[:.h]\d\d(?::\d\d)?)?(?:\s?\(?(?:gmt|utc)(?:[+-]\d{1,2})?\)?)?"
DATES = (
    rf"(?:[^\W\d]{{1,14}}(?: [^\W\d]{{1,14}})?[,:]? )?{_DATE}{_TIME}",
    r"(?:posted|published|last updated|updated) on (?=.{0,12}\d)[\w.,/: -]{6,40}",
    r"(?:last (?:updated|modified)|published|created|posted on|zuletzt aktualisiert|veröffentlicht(?: am)?|erstellt(?: am)?|publié le|créé le|mis à jour le|publicado(?: el| em)?|creado|criado em|actualizado|atualizado em|pubblicato(?: il)?|creato|gepubliceerd(?: op)?|"
    r"publicerad|utworzono|opublikowano|poprawiono|publikováno|vytvořeno|создано|опубликовано|обновлено|yayınlanma(?: tarihi)?|güncelleme(?: tarihi)?|发布(?:时间|日期)|更新(?:时间|日期)?|公開日|更新日|投稿日|입력|수정)\s?[:：]\s?(?=.{0,20}\d)[\w.,/: 年月日-]{6,40}",
)
CATEGORIES = (
    r"(?:related tags|(?:veröffentlicht|publié|publicado|pubblicato|geplaatst|opublikowano) (?:in|dans|en|em|w))\s?[:：]? ?\w[\w &,-]{1,60}|originally (?:published|posted|appeared) (?:at|on|in) .{3,160}",
    rf"{_CATEGORY_LABELS} ?[:：] ?{_WORDS}(?: ?[,،、;|] ?{_WORDS}){{0,14}}",
    rf"(?:posted|filed|publié|veröffentlicht|publicado|pubblicato|geplaatst|opublikowano) (?:in|under|dans|en|em|w) {_WORDS}(?: ?[,|] ?{_WORDS}){{1,9}}",
)
# Marks of editors and declarations about reprints, below a story. A credit of the author is a field, so it is not here.
EDITORS = (
    r"[（(【\[]?\s?(?:责任编辑|责编|編輯|编辑|责任校对|校对|校對|审核|審核|监制|終審|终审|初审|复审|值班编辑|本文编辑|主编|編審)\s?[:：]\s?[^，。]{1,30}[)）】\]]?",
)
REPRINTS = (
    r"(?:.{0,6}声明|.{0,6}聲明)\s?[:：].{0,120}(?:转载|轉載|版权|版權|授权|授權|立场|立場|观点|觀點|侵权|侵權).{0,160}",
    r"(?:凡)?(?:本网|本站|本报|本刊|本网站|本文|本網|本報|以上内容|所有内容).{0,80}(?:未经|未經|转载|轉載).{0,40}(?:不得|禁止|严禁|嚴禁|谢绝|謝絕|注明|註明|联系|聯繫).{0,80}",
    r"(?:欢迎|如需|若需)?(?:转载|轉載)(?:本文)?(?:时)?请?(?:務必|务必|請)?(?:注明|註明|联系|聯繫).{0,80}",
    r"(?:при цитировании|при полном или частичном|при передруці|при використанні|при цитуванні|цитирование|републикац\w{1,6}|публикуване)\b.{0,120}(?:ссылк|посиланн|обязательн|обов['’]язков|гиперссыл|източник|разрешени).{0,80}",
    r"(?:bu (?:haber|yazı|içerik)|içerikler|haberler|tüm içerik\w{0,6}|site\w{0,8}|kaynak gösterilmeden|izinsiz)\b.{0,100}(?:kopyalanamaz|kullanılamaz|yayınlanamaz|yayımlanamaz|alıntılanamaz|alıntı yapılamaz).{0,80}",
    r"(?:απαγορεύεται|επιτρέπεται) η (?:αναδημοσίευση|αναπαραγωγή)\b.{0,160}|(?:dilarang|tidak diperkenankan) (?:mengutip|menyalin|memperbanyak|mengcopy|mengambil|menerbitkan)\b.{0,60}(?:tanpa|seizin|izin).{0,100}",
    r"(?:vui lòng |đề nghị )?ghi rõ nguồn\b.{0,100}|(?:vietata la|è vietata la|divieto di) riproduzione\b.{0,100}|(?:prohibida|se prohíbe|queda prohibida) (?:la|su) (?:reproducción|copia|difusión)\b.{0,120}",
    r"(?:proibida|é proibida|é vedada) a (?:reprodução|cópia|republicação)\b.{0,120}|(?:toute reproduction|reproduction (?:totale|partielle|même partielle))\b.{0,80}(?:interdite|autorisation).{0,80}",
    r"(?:šíření|přetisk|publikování|kopírování|šírenie|kopírovanie|preberanie)\b.{0,80}(?:bez (?:předchozího |písemného |predchádzajúceho )?(?:souhlasu|súhlasu)|zakázáno|zakázané).{0,80}",
    r"(?:يمنع|يُمنع|لا يجوز|لا يسمح|يحظر) (?:نشر|نسخ|نقل|إعادة|اقتباس|استخدام)\b.{0,100}(?:دون|بدون|إلا|إذن|موافقة).{0,80}|(?:بازنشر|استفاده از) .{0,40}(?:با ذکر (?:منبع|نام)|بدون ذکر).{0,60}",
)
# The head and foot of a letter.
_LETTER = r"(?:e-?mail|letter|newsletter|issue|edition|post|message|digest)"
LETTERS = (
    r"you (?:just|have just|['’]ve just|are) read(?:ing)? (?:issue|edition|number|no\.?|letter)\s?#?\d{1,5}\b.{0,200}|(?:you can )?(?:also )?browse the (?:full )?archives?(?: of this newsletter)?\.?",
    rf"this {_LETTER} (?:was |is |has been )?(?:brought to you|powered|sent|delivered) by .{{1,160}}|(?:this|today['’]s) (?:e-?mail|letter|issue|post|video|article|story|stream|digest) (?:is|was) (?:sponsored|presented|brought to you) by .{{1,200}}",
    rf"(?:want|would you like|wish) to (?:change|update|manage|stop) .{{0,30}}\b(?:receive|receiving|get|getting) (?:these|this|our) {_LETTER}s?\b.{{0,160}}|you can (?:update your preferences|unsubscribe)\b.{{0,120}}",
    rf"(?:was this|did someone forward this|if this|has this) {_LETTER} (?:was |been )?(?:forwarded|sent|to you).{{0,120}}|(?:add us to|please add) .{{0,60}}\b(?:address book|contacts)\b.{{0,60}}|view (?:this {_LETTER} |it )?(?:in your browser|online|on the web).{{0,20}}",
    r"(?:log ?in|sign ?in) or subscribe\b.{0,80}|you (?:currently )?have (?:only )?\d{1,6} referrals?\b.{0,120}|(?:only )?\d{1,4} referrals? (?:away|left|to go)\b.{0,80}|refer (?:a friend|friends|\d{1,3} friends?)(?: and (?:get|earn|win)\b.{0,100})?",
    rf"(?:what did you think|how did you like|how did we do|how was|did you (?:like|enjoy)|rate) (?:of |with |about )?(?:today['’]s|this|this week['’]s) {_LETTER}\??(?: .{{0,60}})?",
    r"(?:a word|a message|a note|and now a word) from (?:our|today['’]s|this week['’]s) (?:sponsors?|partners?|advertisers?)\s?[:.]?|(?:together|in partnership) with our (?:sponsors?|partners?)|today['’]s sponsors?\s?:?",
    r"(?:sie (?:erhalten|bekommen) dies\w{1,3} (?:e-?mail|newsletter|nachricht), weil|(?:newsletter|abo|abonnement) (?:abbestellen|abmelden|kündigen)|vom newsletter abmelden|hier abmelden|einstellungen (?:ändern|verwalten)).{0,160}",
    r"(?:vous recevez (?:cet e-?mail|ce message|cette lettre|cette newsletter) (?:car|parce)|se désabonner|se désinscrire|me désabonner|(?:gérer|modifier) (?:vos|mes) préférences).{0,160}",
    r"(?:(?:recibes?|has recibido|usted recibe) este (?:correo|e-?mail|boletín) porque|darse de baja|cancelar (?:la|tu) suscripción|(?:gestionar|actualizar) (?:tus|sus|mis) preferencias).{0,160}",
    r"(?:(?:recebe|recebeu|você (?:está recebendo|recebeu)) (?:este|esse) (?:e-?mail|boletim) porque|cancelar (?:a )?(?:subscrição|inscrição|assinatura)|(?:gerir|gerenciar|atualizar) (?:as suas |suas )?preferências).{0,120}",
    r"(?:(?:ricevi|hai ricevuto) questa (?:e-?mail|newsletter) perché|disiscriviti|annulla (?:l['’])?iscrizione|(?:gestisci|aggiorna) le (?:tue )?preferenze|je ontvangt deze (?:e-?mail|nieuwsbrief) omdat|u ontvangt deze (?:e-?mail|nieuwsbrief) omdat|uitschrijven|afmelden voor deze nieuwsbrief|voorkeuren (?:aanpassen|beheren)).{0,120}",
    r"(?:du (?:får|har fått|modtager|mottar) (?:detta|denne|denna|dette) (?:mejl\w{0,4}|e-?post\w{0,4}|e-?mail|brev|nyhets?brev\w{0,2}|nyhedsbrev) (?:för att|fordi|eftersom)|avregistrera(?: dig)?|avsluta prenumerationen|avmeld(?: deg| nyhetsbrevet)?|afmeld(?: dig| nyhedsbrevet)?|peruuta tilaus).{0,100}",
    r"(?:(?:otrzymujesz|dostajesz) (?:tę wiadomość|ten e-?mail|ten newsletter)|wypisz się|zrezygnuj z (?:subskrypcji|newslettera)|odhlásit (?:se )?(?:z )?odběru?|odhlásiť (?:sa )?(?:z )?odberu?|leiratkozás|dezabonare|вы получили это письмо|отписаться|ви отримали (?:цей лист|це повідомлення)|відписатися|aboneliği iptal et|abonelikten çık|berhenti berlangganan|hủy đăng ký|إلغاء الاشتراك|لغو اشتراک|退订|退訂|配信停止|수신 ?거부).{0,100}",
)
# Notes of the engine or the host of an episode.
HOSTS = (
    r".{1,80} is a reader-supported publication\..{0,160}|you['’]re (?:currently )?(?:a free subscriber|on the free list) .{0,200}|this newsletter is free\..{0,160}|(?:powered by|sent with|made in|published with) (?:beehiiv|buttondown|ghost|substack|wordpress|mailchimp|convertkit|kit|medium|blogger|wix|squarespace|hugo|jekyll|feedburner)\.?",
    r"(?:send in a voice message|become a supporter of this (?:podcast|show)|tip ?jar|buy me a coffee|support (?:me|us) on .{1,30})\s?[:：] ?https?://\S{3,200}",
    r"hosted by (?:simplecast|ausha|acast|audioboom|megaphone|spreaker|captivate)\b.{0,200}|our gdpr privacy policy was updated\b.{0,160}|(?:hébergé|gehostet|alojado|hospedado|ospitato|hosted|drivs|värd) (?:par|bei|von|en|por|da|op|på|av) (?:acast|ausha|spreaker)\b.{0,160}|.{0,40}(?:acast\.com/privacy|omnystudio\.com/listener|megaphone\.fm/adchoices|ausha\.co/privacy-policy).{0,80}",
    r"see (?:our )?privacy policy at https?://\S{3,120} and .{0,200}|(?:view fullsize\s?){1,60}+",
    r"(?:average|durchschnittliche|note moyenne|valoración|puntuación|media|gemiddelde)\b.{0,20}? ?\d[.,]?\d? ?/ ?(?:5|10)\b.{0,60}|user rating: ?\d.{0,20}",
    r"(?:if you (?:enjoyed|liked) .{3,60}, )?(?:please )?consider (?:buying me a coffee|becoming a (?:paid|paying|free) .{0,40}subscriber|subscribing)\b.{0,120}|(?:if you have|have|got) (?:a |any )?(?:news )?(?:tips?|story ideas?|feedback)[^@]{0,60}\S{1,40}@\S{3,60}|(?:just )?hit reply (?:and|to)\b.{0,100}",
)
# Sponsors of an episode or issue, in other languages than English.
SPONSORS = (
    r"(?:diese (?:folge|ausgabe|episode|sendung)|dieser (?:newsletter|podcast)) wird (?:ihnen |euch |dir )?(?:gesponsert|präsentiert|unterstützt|ermöglicht) (?:von|durch) .{1,160}|(?:cet épisode|ce podcast|cette (?:lettre|édition|newsletter)) (?:est|vous est) (?:sponsorisée?|soutenue?|présentée?|offerte?|proposée?) par .{1,160}",
    r"este (?:episodio|boletín|pódcast|podcast) (?:está patrocinado por|es presentado por|es posible gracias a|cuenta con el patrocinio de) .{1,160}|este (?:episódio|podcast|boletim) (?:é|tem) (?:patrocinado por|oferecido por|um oferecimento d\w|o apoio d\w|o patrocínio d\w) .{1,160}|quest[oa] (?:puntata|episodio|podcast|newsletter) è (?:sponsorizzat[oa]|offert[oa]|presentat[oa]) da .{1,160}",
    r"deze (?:aflevering|podcast|nieuwsbrief) wordt (?:gesponsord|mede mogelijk gemaakt|mogelijk gemaakt|aangeboden) door .{1,160}|(?:det här |detta )?(?:avsnitt(?:et)?|podden|nyhetsbrevet) (?:görs|presenteras|sponsras|är sponsrat|produceras) (?:i samarbete med|av) .{1,200}|(?:dette |denne )?(?:afsnit(?:tet)?|episoden?|podcasten?|nyhetsbrevet|nyhedsbrevet) (?:er sponsoreret af|er sponset av|præsenteres af|presenteres av|er lavet i samarbejde med|er laget i samarbeid med) .{1,160}",
    r"(?:ten |tego )?(?:odcinek|odcinka|newsletter|podcast) (?:sponsoruje|jest sponsorowany przez|powstał we współpracy z|powstał przy wsparciu) .{1,160}|(?:partnerem|sponzorem|sponsorem) (?:této |tohto |tego )?(?:dílu|epizody|epizódy|podcastu|odcinka|newsletteru) (?:je|jest) .{1,160}|(?:спонсор|партн[её]р) (?:этого )?(?:выпуска|эпизода|подкаста|рассылки)\s?[:—–-] ?.{1,160}|(?:спонсор|партнер) (?:цього )?(?:випуску|епізоду|подкасту)\s?[:—–-] ?.{1,160}|bu (?:bölüm|bülten)\w{0,3} .{1,80} (?:sponsorluğunda|katkılarıyla).{0,60}",
)
# Share bars with the name of a network.
SHARES = (
    rf"\W{{0,4}}{_SHARE_VERBS}(?: {_PREPOSITIONS})? ?{_NETWORKS}(?:{_SEPARATOR}{_NETWORKS}){{0,8}}(?: ?[(（].{{3,40}}[)）])?[.!]?",
    rf"{_NETWORKS}(?:'?(?:ta|te|da|de)| पर| पे|에서|에|で|に) (?:paylaş|gönder|साझा करें|शेयर करें|공유(?:하기)?|シェア(?:する)?)",
)
# Forms of comments and letters, calls to comment, and tables of contents.
FORMS = (
    r"(?:(?:your )?(?:e-?mail|e-?mail address|name|first name|last name|full name|website|comment)|e-?mail-adresse|(?:vor|nach)?name|adresse e-?mail|prénom|nom|correo electrónico|dirección de correo|nombre|endereço de e-?mail|nome|"
    r"indirizzo e-?mail|e-?mailadres|naam|e-?postadress|namn|navn|sähköposti|nimi|adres e-?mail|imię|jméno|meno|név|adresa de e-?mail|nume|όνομα|имя|электронная почта|ім['’]я|e-?posta|isim|الاسم|البريد الإلكتروني|نام|ایمیل|שם|אימייל|メールアドレス|名前|이메일|이름|电子邮件|姓名) ?(?:\*|\(required\)|\(erforderlich\)|\(obligatorio\)|\(obligatoire\)|\(obrigatório\)|\(obbligatorio\))",
    r"(?:write|add|leave|post) (?:a|your) comment(?: here)?|(?:schreib(?:e|en sie)? (?:einen|deinen|ihren) kommentar|kommentar (?:schreiben|verfassen|hinterlassen)|rédige[rz] un commentaire|(?:laisse[rz]|écri(?:re|vez)|ajoute[rz]) un commentaire|(?:escrib[ea]|escribir|deja|dejar|añad[ei]r?) un comentario|"
    r"(?:escreva|escrever|deixe|deixar|adicione|adicionar) (?:um|o seu|seu) comentário|(?:scrivi|lascia|aggiungi) un commento|(?:schrijf|plaats|geef) een reactie|skriv en kommentar|kirjoita kommentti|(?:napisz|dodaj|zostaw) komentarz|(?:napsat|napište|přidat|přidejte) komentář|(?:napísať|napíšte|pridať) komentár|"
    r"(?:írj|szólj) (?:egy )?hozzá(?:szólást)?|(?:scrie|lasă|adaugă) un comentariu|(?:γράψτε|αφήστε) (?:ένα )?σχόλιο|(?:написать|оставить|оставьте|добавить) комментарий|(?:написати|залишити|додати) коментар|(?:напиши|остави) коментар|(?:napiši|ostavi|dodaj) komentar|yorum (?:yap|yaz|bırak)|bir yorum yaz(?:ın)?|"
    r"(?:tulis|tinggalkan|beri) komentar|viết bình luận|(?:اكتب|اترك|أضف) (?:تعليق(?:ا|اً|ًا|ك)?|تعليقك)|(?:ارسال|نوشتن) (?:دیدگاه|نظر)|(?:כתוב|כתבו|הוסף|השאירו) תגובה|टिप्पणी (?:लिखें|करें)|মন্তব্য (?:করুন|লিখুন)|แสดงความคิดเห็น|发表评论|發表評論|写评论|コメントを(?:書く|残す|投稿)|댓글 ?(?:쓰기|달기|남기기))(?: ?(?:…|\.\.\.))?[.!]?",
    r"table of contents?|(?:inhaltsverzeichnis|inhaltsübersicht|table des matières|sommaire|tabla de contenidos?|índice de contenidos?|índice do artigo|tabela de conteúdos?|sumário|indice dei contenuti|indice dell['’]articolo|inhoudsopgave|innehållsförteckning|indholdsfortegnelse|innholdsfortegnelse|sisällysluettelo|"
    r"spis treści|obsah článku|tartalomjegyzék|cuprins(?:ul articolului)?|πίνακας περιεχομένων|оглавление|содержание статьи|зміст статті|съдържание на статията|sadržaj članka|içindekiler|daftar isi|mục lục|جدول المحتويات|محتويات المقال|فهرست مطالب|תוכן העניינים|विषय[- ]सूची|সূচিপত্র|สารบัญ|文章目录|文章目錄|目次|목차)\s?:?",
)
_COMMENTS = r"(?:comments?(?: section)?|kommentaren?|commentaires?|comentarios|comentários|commenti|reacties|kommentarerna|kommentarfeltet|kommentarsfältet|kommenteissa|komentarzach?|komentářích|komentároch|kommentben|hozzászólásokban|comentarii|σχόλια|комментариях|коментарях|коментарите|komentarima|yorumlarda|komentar|bình luận|التعليقات|نظرات|תגובות|コメント|댓글|评论区|留言)"
COMMENTS = (
    r"(?:[^.!?]{3,80}\? )?(?:have your say|(?:please )?(?:let us|let me) know|(?:tell|drop) (?:us|me)|share your (?:thoughts|opinions?|views|experiences?|stories|story)|sound off|join (?:in )?the (?:conversation|discussion)|leave (?:us|me) a (?:comment|note)|write (?:to )?us)\b.{0,80}\b(?:in|on|via) (?:the|our) comments?\b.{0,40}",
    r"(?:[^.!?]{3,80}\? )?(?:schreib\w{0,4}|sagt?|verrat\w{0,2}|teil\w{0,4} (?:uns|mir)|dites[- ](?:nous|le)|donnez|partagez|réagissez|cuénta(?:nos|me|noslo|melo)|déja(?:nos|me)|dinos|conta|conte|deixe|diga|scrivi(?:ci|telo|melo)?|dicci|fateci|faccelo|laat|vertel|skriv|berätta|kerro|napisz\w{0,3}|daj\w{0,3}|dejte|napište|napíšte|írd|scrie\w{0,4}|spune\w{0,3}|γράψτε|πείτε|пишите|напишите|делитесь|поделитесь|расскажите|пишіть|напишіть|діліться|напишете|napišite|pišite|yazın|paylaşın|tulis|شارك(?:نا|ونا)?|أخبر(?:نا|ونا)?|اكتب(?:وا)?)\b"
    rf"[^.!?]{{0,80}}\b(?:in|dans|en|nos|no|nei|nel|i|w|v|do|a|în|στα|в|у|u|di|في)? ?(?:de |den |die |dem |das |les |los |el |os |nas |das |het |τα |der )?{_COMMENTS}\b[^.!?]{{0,30}}[.!…]{{0,3}}",
)
# Calls to install the publisher's app.
_STORES = r"(?:app ?store|google ?play|play ?store|appgallery|apple store)"
APPS = (
    r"(?=.{0,240}\b"
    + _STORES
    + r")(?:for (?:more|the latest|all)\b[^.]{0,60}, )?(?:download|get|install|try|use) our\b.{0,60}\bapps?\b.{0,160}",
    r"(?=.{0,240}\b"
    + _STORES
    + r")(?:laden sie|lade|holen sie sich|hol dir|téléchargez|télécharge|descarg(?:a|ue|ate)|descárgate|baixe|descarregue|instale|scarica(?:te)?|download(?:e)?|ladda ner|last ned|hent|lataa|pobierz|ściągnij|stáhněte|stiahnite|töltse le|töltsd le|descarcă|descărcați|κατεβάστε|скачайте|скачивайте|установите|завантажуйте|завантажте|изтеглете|preuzmite|prenesite|unduh|tải|حمل|حمّل|حملوا|دانلود کنید|הורידו)\b"
    r"[^.]{0,40}\b(?:unsere|notre|nuestra|nosso|nossa|a nossa|la nostra|onze|vår|vores|naszą|naszej|naši|našu|alkalmazásunk\w{0,4}|aplicația noastră|μας|наше|нашу|нашето|našu|kami|chúng tôi|تطبيقنا|שלנו)\b.{0,160}",
)
# Appeals with an amount per month.
_AMOUNT = r"(?:(?:[$€£¥₺₽₴]|us\$|a\$|r\$) ?\d{1,4}(?:[.,]\d{1,2})?|\d{1,4}(?:[.,]\d{1,2})? ?(?:[$€£¥₺₽₴]|eur|euros?|dollars?|dólares|pounds?|reais|pesos|kr|kronor|kroner|kronen|zł|złotych|kč|korun|ft|forint\w{0,3}|lei|руб\w{0,4}|грн|гривен\w?|гривень|лв|tl|lira))"
_PER_MONTH = r"(?:a|per|/|each|every|im|pro|monatlich|par|al|por|ao|à l['’]?|no|o|e|al|per|i|om|w|na|za|în|pe|το|в|на|ayda|sebulan)?\s?(?:months?|monat|monatlich|mois|mes|mês|mese|maand|månaden|månad|måneden|måned|kuussa|kuukaudessa|miesiąc|miesięcznie|měsíc|měsíčně|mesačne|mesiac|hónap|havonta|havi|lună|lunar|μήνα|месяц|місяць|месец|mjesečno|mesečno|aylık|ay|bulan)"
_SUPPORT = r"(?:support|unterstütz\w{0,3}|soutene[zr]|soutiens|apoya(?:r|nos)?|apóyanos|ayúdanos|ayuda(?: a)?|colabora|apoi[ae](?:r)?|ajud[ae](?:r)?|sostieni(?:ci)?|sostenere|aiuta(?:ci)?|steun|stöd|stötta|støt|støtt|tue|wesprzyj|wspieraj|podpořte|podpoř|podporte|támogass\w{0,2}|támogasd|susține\w{0,2}|στηρίξτε|поддержите|поддержать|підтримайте|подкрепете|podržite|podprite|destekle\w{0,3}|dukung|become a (?:member|patron|supporter)|mitglied werden)"
APPEALS = (
    rf"(?=.{{0,160}}{_AMOUNT} ?{_PER_MONTH})(?:(?:(?:jetzt |schon |bereits )?(?:für|ab|mit)|(?:pour|dès|avec)|(?:por|con|desde)|(?:com|a partir de|por)|(?:per|con|da)|(?:voor|vanaf|met)|för|med|for|fra|(?:from|for|with)(?: just| only| as little as)?|za|od|už za|již od|με|за|от|від) ){_AMOUNT} ?{_PER_MONTH},?(?=.{{0,100}}\b{_SUPPORT}).{{2,140}}",
    rf"(?=.{{0,160}}{_AMOUNT} ?{_PER_MONTH}){_SUPPORT}\b.{{2,160}}",
    r"(?:quero (?:apoiar|ajudar|ser assinante)|quiero (?:apoyar|colaborar|hacerme soci[oa])|je (?:soutiens|fais un don)|ich (?:möchte|will) (?:unterstützen|spenden|mitglied werden)|voglio (?:sostenere|donare|abbonarmi)|ik (?:steun|doneer)(?: mee)?|chcę (?:wesprzeć|wspierać)|chci (?:podpořit|přispět)|хочу поддержать|хочу підтримати|i want to (?:support|help|donate))[.!]?",
)
# A question about the text with a call to clap, follow or share.
LIKED = (
    r"\W{0,6}(?:if you (?:liked|enjoyed|found)|did you (?:like|enjoy)|wenn (?:dir|ihnen|euch)|si (?:cet|cette|vous)|si (?:te|os|le) (?:ha |han )?(?:gust|interes)\w{0,5}|se (?:gostou|você gostou|gostaste)|se ti è|se (?:vi|ti) (?:è|ha)|als je|om du gillade|hvis du (?:likte|kunne lide)|jos pidit\w{0,4}|jeśli|pokud|ak sa|ha (?:tetszett|hasznos)|dacă|αν σας|если|якщо|ако|ako|beğendiyseniz|jika|nếu)\b"
    r"[^.!?]{3,90}[,!?;:.] ?[^.]{0,40}\b(?:claps?|applaus|clap|follow me|sígueme|siga[- ]me|segui(?:mi)?|suivez[- ]moi|aplausos?|applaudiss?\w{0,6}|palmas|klask\w{0,4}|brawa|буркн\w{0,3}|хлоп\w{0,5}|аплоди\w{0,6}|buy me a coffee|share it with|forward it to)\b.{0,120}",
    r"\W{0,6}(?:cet article|cette (?:histoire|recette|vidéo)|ce (?:billet|texte|podcast)) (?:vous|t['’]) ?a plu ?\?.{0,160}|\W{0,6}(?:hat (?:dir|ihnen|euch) (?:der|dieser|die|diese|das|dieses) (?:artikel|text|beitrag|folge|video)|(?:dir|ihnen) hat (?:der|dieser) (?:artikel|text|beitrag)) [^.!?]{0,20}gefallen ?\?.{0,160}",
    r"\W{0,6}(?:¿te (?:ha gustado|gustó) (?:este|esta|el|la) (?:artículo|texto|entrada|nota|receta|vídeo|video)\?|gostou (?:deste|desta|do|da) (?:artigo|texto|post|matéria|receita|vídeo)\?|ti è piaciuto (?:questo|l['’]) ?(?:articolo|post|testo)\?|vond je dit (?:artikel|stuk) [^.!?]{2,20}\?|понравилась (?:статья|публикация)\?|podobał (?:ci|wam) się (?:ten )?(?:artykuł|tekst|wpis)\?) .{3,160}",
)
# Follow lines below videos, with addresses.
_MARKS = r"[►▶▸➤➜➡→👉🔔📷📸🛒🎵🎧💌📩✅🔗☕🐦📘\ufe0f•*-]"
_ACCOUNTS = r"(?:subscribe|merch(?:andise)?|discord|patreon|instagram|insta|twitter|x|bluesky|mastodon|threads|facebook|tik ?tok|twitch|youtube|second channel|main channel|ko-?fi|buy me a coffee|paypal|spotify|telegram|linkedin|reddit|join|follow|support (?:me|us|the channel)|my (?:shop|store|website|newsletter|podcast|courses?|book|gear)|our (?:shop|store|website|newsletter|podcast)|shop|store|newsletter|abonniere\w{0,2}|abonne[zr]|suscríbete|inscreva|iscriviti|подписывайтесь|подписаться|abone ol|subskrybuj|prenumerera|abonneer)"
ACCOUNTS = (
    rf"{_MARKS}{{1,3}}\s?(?:(?:my|our|join|on) )?{_ACCOUNTS}\b[^:/]{{0,60}}[:：] ?https?://\S{{3,200}}+(?: {_MARKS}{{1,3}}\s?[^:/]{{1,60}}[:：] ?https?://\S{{3,200}}+){{0,6}}",
    r"(?:instagram|insta|twitter|x|bluesky|mastodon|threads|facebook|tik ?tok|twitch|you ?tube|patreon|discord|snapchat|spotify|apple podcasts|merch|ko-?fi|paypal|telegram|linkedin)\s?[-–—|:：]\s?(?:(?:https?://|www\.)\S{3,200}|@\w[\w.@-]{1,60}|here|link)",
)
# Calls below the notes of an episode, and its sponsors.
_CALL = r"(?:subscribe|rate|review|like|follow|share|comment|leave a review)"
_EPISODE = r"(?:episode|show|podcast|stream|edition)"
EPISODES = (
    rf"(?:please |don['’]t forget to |be sure to |make sure to )?{_CALL}(?:(?: ?[,&+/] ?| and |, and ){_CALL}){{1,4}}(?: (?:us|me|the {_EPISODE}|this {_EPISODE}|our {_EPISODE}))?[.!]{{0,3}}",
    rf"(?:thanks|thank you)(?: so much| very much)? for (?:listening|watching|tuning in|joining us)[.!,]{{0,3}} (?:(?:and )?if you (?:like|liked|love|enjoy|enjoyed) [^.!?]{{3,60}}, )?(?:please )?{_CALL}\b.{{0,200}}",
    r"(?:thank you|thanks|we are (?:so |very |truly )?grateful|we['’]re (?:so |very |truly )?grateful) (?:to|for) (?:all )?(?:our|this week['’]s|today['’]s) (?:sponsors?|partners?)\b.{0,240}|(?:please )?(?:check out|support|visit|thank) (?:our|the show['’]s|this week['’]s) sponsors?\b.{0,160}",
)
# A sponsor of an episode, and the line above a list of its sponsors.
SPONSORED = rf"(?:this|today['’]s|this week['’]s) {_EPISODE}(?: of [^.!?:]{{2,60}})? (?:is|was) (?:also )?(?:sponsored|presented|brought to you|made possible|supported) by"
SPONSOR_LABEL = re.compile(
    rf"{SPONSORED}\s?:|(?:our |today['’]s |this week['’]s |episode )?(?:sponsors|sponsored by|links from (?:our|today['’]s) sponsors)\s?:",
    re.IGNORECASE,
)
LINES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        *READING_TIMES,
        *LETTERS,
        *HOSTS,
        *SPONSORS,
        *SHARES,
        *FORMS,
        *COMMENTS,
        *APPS,
        *APPEALS,
        *LIKED,
        *ACCOUNTS,
        *EPISODES,
        rf"{SPONSORED}\b.{{0,200}}",
    )
)
EDGE_LINES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (*COUNTS, *COMMENT_COUNTS, *DATES, *CATEGORIES, *EDITORS, *REPRINTS)
)
# The heading of the details of an article in Joomla. It counts above an edge line only.
DETAILS = frozenset(
    "details|détails|detalles|detalhes|dettagli|szczegóły|podrobnosti|detaily|részletek|detalii|detaljer|gegevens|tiedot|λεπτομέρειες|подробности|"
    "деталі|детайли|detalji|podrobnosti|ayrıntılar|detaylar|detail|chi tiết|التفاصيل|تفاصيل|جزئیات|פרטים|详细内容|詳細|세부사항".split(
        "|"
    )
)
# The rest of the head that Drupal writes: the title, the author, and the time.
DRUPAL_HEAD = re.compile(r"\S.{0,60}? ?\w{2,4}\.?, \d\d[/.-]\d\d[/.-]\d{4} - \d\d:\d\d", re.IGNORECASE)
SUBMITTED = re.compile(
    r"(?:submitted|posted|eingereicht|gespeichert|soumis|enviado|inviato|ingediend|skickat|indsendt|wysłane|vložil|beküldte) (?:by|von|par|por|da|door|av|af|przez)? ?\S.{0,60}? (?:on|am|le|el|il|op|em|den|dn\.)? ?\w{2,4}\.?, \d\d[/.-]\d\d[/.-]\d{4} - \d\d:\d\d",
    re.IGNORECASE,
)
# A shortcode of WordPress. Source: https://codex.wordpress.org/Shortcode_API. Its names have underscores, or it has attributes.
SHORTCODE = re.compile(r"\[/?(?P<name>[a-z][a-z0-9_-]{1,60})(?P<attributes>(?:\s[^\[\]]{0,4000})?)\]")
