"""Header lines of text dumps in many languages: bylines by role word, and dates with other words around them. Tables only.

A dump has no markup. Therefore these patterns apply only to lines near the title that the model rejects.
"""

import re

# Words before or after the name of an author. Source: bylines of outlets in the languages named.
ROLE_BEFORE = (
    r"(?:(?:written|reported|posted|words|interview|report|reporting|story|text|texte|texto|testo|tekst|teksti|foto e testo) )?(?:by|par|von|por|di|da|door|av|af|de|oleh|na)[\s:]++"  # en fr de pt it nl sv da ro id sw
    r"|(?:autor|autora|autorka|autorica|автор|аутор|текст|piše|пише|razgovarao|razgovarala|razgovor vodio|yazan|yazar|haber|szerző|penulis|tác giả|theo|text|texte|texto|teksti|tekst|opracowanie|redaktor|συντάκτης|réd)\s*+[:.]\s*+"  # pl cs es ru uk tr hu id vi de fr fi el
    r"|(?:oprac\.|opr\.|zebrał|zebrała|zpracoval|zpracovala|spracoval|spracovala|összeállította)\s++"  # pl cs sk hu: editors of agency reports
    r"|(?:του|της|от|propos recueillis par|a cura di|dal nostro inviato|ein kommentar von)\s++"  # el bg fr it de
    r"|(?:كتب|كتبت|حاوره|حاورها|حاورته|حاورتها|إعداد|بقلم|نویسنده|گزارش|خبرنگار|מאת|रिपोर्ट|लेखक|संवाददाता|প্রতিবেদক|লেখক|โดย|記者|记者|作者|編集|文|取材)[\s:：・/]*+"  # ar fa he hi bn th ja zh
)
ROLE_AFTER = r"\s{1,3}(?:기자|특파원|記者|特派員)"  # ko ja
BYLINE_LINE = re.compile(
    rf"\A(?:(?:{ROLE_BEFORE})(?P<names>\S.{{1,80}})|[【\[]?(?P<named>[^\s\d【\[].{{1,30}}?)(?:{ROLE_AFTER}).{{0,40}})\Z",
    re.IGNORECASE,
)
# What follows a name in a byline: an outlet, a place or a role.
NAME_TAIL = re.compile(
    r"(?<!\s)\s++(?:[|•·–—/-])\s++.*|[／/]\s{0,2}[^\s／/]{1,12}(?:報導|报道|電|电|報道)\Z|(?<!\s)\s++(?-i:(?:at|in|à|aus|desde)\s++[^\W\d_a-zß-öø-ÿ]).*|,\s{1,3}(?:(?:[^\W\d_]{1,20}\s){0,2}[^\W\d_]{0,20}(?:correspondent|reporter|editor|writer|staff|redacteur|korrespondent|корреспондент|redakce|PAP|ČTK|TT|AFP|dpa)\b.*)|(?<!\s)\s++\((?:avec |con |mit )?[^()]{2,30}\)|】.*",
    re.IGNORECASE,
)

# An author in a line with date and source. Source: header lines of Chinese portals.
AUTHOR_IN_LINE = re.compile(
    r"(?:作者|记者|記者|撰文)[:：]\s?(?P<names>[\u3400-\u9fff·]{2,8}(?:、[\u3400-\u9fff·]{2,8}){0,3})(?=\s|\Z)"
)

# A path of sections above a title. Source: schema.org/BreadcrumbList, and the separators of news sites.
BREADCRUMB = re.compile(r"\A[^»›>/]{1,40}(?:(?:\s[»›>]\s[^»›>/]{1,120}){1,6}|(?:\s/\s[^»›>/]{1,60}){2,6})\Z")

# A reading time whose words come first. Source: outlets in the languages of the corpus; `bylines.READING_TIME` has others.
READING_TIME_LABELS = (
    "lesezeit|lesedauer|leestijd|lecture|temps de lecture|lectura|tiempo de lectura|leitura|tempo de leitura|lettura|"
    "tempo di lettura|lästid|læsetid|lesetid|lukuaika|czas czytania|doba čtení|olvasási idő|timp de citire|okuma süresi|"
    "время чтения|час читання|χρόνος ανάγνωσης|وقت القراءة|زمان مطالعه|זמן קריאה|waktu baca|阅读时间|閱讀時間|読了時間|읽는 시간"
)
READING_TIME_LINE = re.compile(
    rf"(?:{READING_TIME_LABELS})\s?[:：]?\s?(?:ca\. |circa |~)?(?P<minutes>\d{{1,3}})\s?[^\W\d]{{1,12}}\.?",
    re.IGNORECASE,
)

# A date within a short line. Source: the numeric and written dates of the same languages.
NUMERIC_DATE = re.compile(
    r"(?<!\d)(?P<a>\d{1,4})(?P<separator>[./-])(?P<b>\d{1,2})(?P=separator)(?P<c>\d{4}|\d{2})(?!\d)"
)
EAST_ASIAN_DATE = re.compile(
    r"(?<!\d)(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
)
DAY_MONTH = re.compile(
    r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?\s{1,3}(?:de\s{1,3}|of\s{1,3}|tháng\s{1,3})?(?P<month>[^\s,/]{1,14}?)\.?,?\s{1,3}(?:de\s{1,3}|del\s{1,3}|năm\s{1,3})?(?P<year>\d{4})(?!\d)"
)
MONTH_DAY = re.compile(
    r"(?P<month>[^\W\d_]{3,14})\.?\s{1,3}(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s{1,3}(?P<year>\d{4})(?!\d)"
)
TIME_OF_DAY = re.compile(
    r"(?<![\d.:])(?P<hour>[01]?\d|2[0-3])[:.h](?P<minute>[0-5]\d)(?![\d.])\s{0,2}(?P<half>[ap]\.?m\b)?", re.IGNORECASE
)
# A zone directly after a time. Capitals: `est` is a word in French. A word that follows is `next`.
ZONE_AFTER_TIME = re.compile(
    r"[\s.]{0,3}[(\[]?(?P<zone>(?:GMT|UTC)[+-]\d{1,2}(?::\d{2})?|[A-Z]{2,5}|МСК|мск)(?![\w+-])[)\]]?\s{0,3}(?P<next>[^\W\d_]*+)"
)
# Words of a line with the time of the last change.
UPDATED = re.compile(
    r"updat|modif|actuali|mis à jour|aktuali[sz]|aggiorna|atualiza|bijgewerkt|uppdater|opdater|oppdater|päivite|frissít|güncelle|обновл|оновл|ενημερ|آخر تحديث|به‌روز|עודכן|अपडेट|আপডেট|อัปเดต|diperbarui|cập nhật|更新|수정",
    re.IGNORECASE,
)
# Months in languages that `workers.text.dates` lacks. Source: Unicode CLDR 46, month names in format width wide.
MORE_MONTHS = {
    "hi": "जनवरी फ़रवरी/फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर/सितम्बर अक्टूबर/अक्तूबर नवंबर/नवम्बर दिसंबर/दिसम्बर",
    "bn": "জানুয়ারি/জানুয়ারি ফেব্রুয়ারি/ফেব্রুয়ারি মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর",
    "th": "มกราคม/ม.ค กุมภาพันธ์/ก.พ มีนาคม/มี.ค เมษายน/เม.ย พฤษภาคม/พ.ค มิถุนายน/มิ.ย กรกฎาคม/ก.ค สิงหาคม/ส.ค กันยายน/ก.ย ตุลาคม/ต.ค พฤศจิกายน/พ.ย ธันวาคม/ธ.ค",
    "he": "בינואר/ינואר בפברואר/פברואר במרץ/מרץ באפריל/אפריל במאי/מאי ביוני/יוני ביולי/יולי באוגוסט/אוגוסט בספטמבר/ספטמבר באוקטובר/אוקטובר בנובמבר/נובמבר בדצמבר/דצמבר",
    "fa": "ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر",
    "fa, solar Hijri": "فروردین اردیبهشت خرداد تیر مرداد شهریور مهر آبان آذر دی بهمن اسفند",
    "sw": "januari februari machi aprili mei juni julai agosti septemba oktoba novemba desemba",
    "vi": "1 2 3 4 5 6 7 8 9 10 11 12",
    "id": "jan feb mar apr mei jun jul agu/agt sep okt nov des",
    "pl": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "ta": "ஜனவரி/ஜன பிப்ரவரி/பிப் மார்ச் ஏப்ரல்/ஏப் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர்/செப் அக்டோபர்/அக் நவம்பர்/நவ டிசம்பர்/டிச",
    "te": "జనవరి ఫిబ్రవరి మార్చి ఏప్రిల్ మే జూన్ జులై ఆగస్టు సెప్టెంబర్ అక్టోబర్ నవంబర్ డిసెంబర్",
    "mr": "जानेवारी फेब्रुवारी मार्च एप्रिल मे जून जुलै ऑगस्ट सप्टेंबर ऑक्टोबर नोव्हेंबर डिसेंबर",
    "gu": "જાન્યુઆરી ફેબ્રુઆરી માર્ચ એપ્રિલ મે જૂન જુલાઈ ઑગસ્ટ સપ્ટેમ્બર ઑક્ટોબર નવેમ્બર ડિસેમ્બર",
    "kn": "ಜನವರಿ ಫೆಬ್ರವರಿ ಮಾರ್ಚ್ ಏಪ್ರಿಲ್ ಮೇ ಜೂನ್ ಜುಲೈ ಆಗಸ್ಟ್ ಸೆಪ್ಟೆಂಬರ್ ಅಕ್ಟೋಬರ್ ನವೆಂಬರ್ ಡಿಸೆಂಬರ್",
    "ml": "ജനുവരി ഫെബ്രുവരി മാർച്ച് ഏപ്രിൽ മേയ് ജൂൺ ജൂലൈ ഓഗസ്റ്റ് സെപ്റ്റംബർ ഒക്‌ടോബർ നവംബർ ഡിസംബർ",
    "pa": "ਜਨਵਰੀ ਫ਼ਰਵਰੀ ਮਾਰਚ ਅਪ੍ਰੈਲ ਮਈ ਜੂਨ ਜੁਲਾਈ ਅਗਸਤ ਸਤੰਬਰ ਅਕਤੂਬਰ ਨਵੰਬਰ ਦਸੰਬਰ",
    "ur": "جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر",
    "ms": "januari februari mac april mei jun julai ogos september oktober november disember",
    "fil": "enero pebrero marso abril mayo hunyo hulyo agosto setyembre oktubre nobyembre disyembre",
    "az": "yanvar fevral mart aprel may iyun iyul avqust sentyabr oktyabr noyabr dekabr",
    "hy": "հունվարի փետրվարի մարտի ապրիլի մայիսի հունիսի հուլիսի օգոստոսի սեպտեմբերի հոկտեմբերի նոյեմբերի դեկտեմբերի",
    "ka": "იანვარი თებერვალი მარტი აპრილი მაისი ივნისი ივლისი აგვისტო სექტემბერი ოქტომბერი ნოემბერი დეკემბერი",
    "kk": "қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан",
    "si": "ජනවාරි පෙබරවාරි මාර්තු අප්‍රේල් මැයි ජූනි ජූලි අගෝස්තු සැප්තැම්බර් ඔක්තෝබර් නොවැම්බර් දෙසැම්බර්",
    "my": "ဇန်နဝါရီ ဖေဖော်ဝါရီ မတ် ဧပြီ မေ ဇွန် ဇူလိုင် ဩဂုတ် စက်တင်ဘာ အောက်တိုဘာ နိုဝင်ဘာ ဒီဇင်ဘာ",
    "mk": "јануари февруари март април мај јуни јули август септември октомври ноември декември",
    "sq": "janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor dhjetor",
    "be": "студзеня лютага сакавіка красавіка мая чэрвеня ліпеня жніўня верасня кастрычніка лістапада снежня",
    "is": "janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember",
    "et": "jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember",
    "ca": "gener febrer març abril/d’abril/d'abril maig juny juliol agost/d’agost/d'agost setembre octubre/d’octubre/d'octubre novembre desembre",
}  # fmt: skip
PERSIAN_YEARS = range(1300, 1500)  # of the solar Hijri calendar; no date line has such a Gregorian year
