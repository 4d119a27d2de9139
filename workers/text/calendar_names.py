"""Names of months and weekdays in dates of feeds, besides `dates.MONTHS`. Data only.

Source: Unicode CLDR 44, calendars/gregorian, months and days in the widths wide, abbreviated and short. MORE_MONTHS
lacks forms that mean different months in two languages; AMBIGUOUS_MONTHS has them. Arabic has the names of the Maghreb
and the Levant too.
"""

# January to December; "/" separates forms of one month, "-" stands for no form besides those of `dates.MONTHS`.
MORE_MONTHS = {
    "ru": "январь февр/февраль март апрель май июнь июль август сентябрь октябрь нояб/ноябрь декабрь",
    "uk": "січ/січень лют/лютий бер/березень квіт/квітень трав/травень черв/червень лип/липень серп/серпень "
    "вер/вересень жовт/жовтень лист/листопад груд/грудень",
    "pl": "sty/styczeń lut/luty marzec kwi/kwiecień/kwie - cze/czerwiec lipiec sie/sierpień wrz/wrzesień/wrze "
    "paź/październik - gru/grudzień",
    "cs": "led/leden úno/únor bře/březen dub/duben kvě/květen čvn/červen čvc/červenec srpen zář říj/říjen - "
    "pro/prosinec",
    "el": "ιανουάριοσ φεβρουάριοσ μάρτιοσ απρίλιοσ μάιοσ ιούνιοσ ιούλιοσ αύγουστοσ σεπτέμβριοσ οκτώβριοσ "
    "νοέμβριοσ δεκέμβριοσ",
    "no": "- - - - - - - - - - - des",
    "fi": "tammi/tammikuu helmi/helmikuu maalis/maaliskuu huhti/huhtikuu touko/toukokuu kesä/kesäkuu "
    "heinä/heinäkuu elo/elokuu syys/syyskuu loka/lokakuu marras/marraskuu joulu/joulukuu",
    "hu": "- febr márc - - - - - szept - - -",
    "ro": "ian - - - - iun iul - - - - -",
    "id": "peb - - - - - - agt/ags - - nop des",
    "ar": "جانفي فيفري/شباط آذار أفريل/نيسان ماي/أيار جوان/حزيران جويلية/تموز أوت/آب أيلول - - -",
    "ca": "gener febrer/febr març - maig juny juliol agost/ag setembre - - desembre/des",
    "gl": "xaneiro/xan febreiro - - - xuño xullo/xul - - - - decembro",
    "eu": "urtarrila/urt otsaila/ots martxoa apirila/api maiatza ekaina/eka uztaila/uzt abuztua/abu iraila/ira "
    "urria/urr azaroa/aza abendua/abe",
    "sk": "januára februára marec apríla - júna júla augusta septembra októbra novembra decembra",
    "sl": "- - marec - - junij julij avgust/avg - - - -",
    "hr": "siječnja/sij/siječanj veljače/velj/veljača ožujka/ožu/ožujak travnja/tra/travanj svibnja/svi/svibanj "
    "lipnja/lipanj srpnja/srpanj kolovoza/kol/kolovoz rujna/ruj/rujan - studenoga/stu/studeni "
    "prosinca/pro/prosinac",
    "sr": "јануар/јан фебруар/феб март април мај јун јул август септембар/сеп октобар новембар/нов децембар/дец",
    "bg": "януари/яну февруари март април май юни юли август септември/сеп октомври ноември/ное декември",
    "et": "jaanuar/jaan veebruar/veebr - aprill - juuni juuli - - oktoober - detsember/dets",
    "lv": "janvāris februāris/febr - - maijs jūnijs jūlijs augusts septembris oktobris novembris decembris",
    "lt": "sausio/saus/sausis vasario/vas/vasaris kovo/kov/kovas balandžio/bal/balandis gegužės/geg/gegužė "
    "birželio/birž/birželis liepos/liep/liepa rugpjūčio/rugp/rugpjūtis rugsėjo/rugs/rugsėjis "
    "spalio/spal/spalis lapkričio/lapkr/lapkritis gruodžio/gruod/gruodis",
    "is": "- - - - - - - ágúst - - - des",
    "he": "ינואר/ינו׳ פברואר/פבר׳ מרץ אפריל/אפר׳ מאי יוני יולי אוגוסט/אוג׳ ספטמבר/ספט׳ אוקטובר/אוק׳ נובמבר/נוב׳ "
    "דצמבר/דצמ׳",
    "hi": "जनवरी/जन॰ फ़रवरी/फ़र॰ मार्च अप्रैल मई जून जुलाई/जुल॰ अगस्त/अग॰ सितंबर/सित॰ अक्टूबर/अक्टू॰ नवंबर/नव॰ "
    "दिसंबर/दिस॰",
    "fa": "ژانویهٔ فوریهٔ - آوریل مهٔ ژوئن ژوئیهٔ اوت سپتامبر اکتبر نوامبر دسامبر",
    "ur": "جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر",
    "bn": "জানুয়ারি/জানুয়ারী/জানু ফেব্রুয়ারি/ফেব্রুয়ারী/ফেব মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর/সেপ্টেঃ অক্টোবর নভেম্বর ডিসেম্বর",
    "ta": "ஜனவரி/ஜன பிப்ரவரி/பிப் மார்ச் ஏப்ரல்/ஏப் மே ஜூன் ஜூலை ஆகஸ்ட்/ஆக செப்டம்பர்/செப் அக்டோபர்/அக் நவம்பர்/நவ டிசம்பர்/டிச",
    "th": "มกราคม/มค กุมภาพันธ์/กพ มีนาคม/มีค เมษายน/เมย พฤษภาคม/พค มิถุนายน/มิย กรกฎาคม/กค สิงหาคม/สค กันยายน/กย ตุลาคม/ตค "
    "พฤศจิกายน/พย ธันวาคม/ธค",
    "ms": "- - mac - - - julai ogos - - - disember/dis",
    "fil": "- pebrero marso - - hunyo hulyo - setyembre oktubre nobyembre disyembre",
    "sw": "- - machi aprili - - - agosti septemba oktoba novemba desemba",
    "sq": "janar shkurt - prill - qershor korrik gusht shtator tetor nëntor dhjetor",
}  # fmt: skip
# Forms with two meanings, as (Polish and Czech, Croatian) months: the weekday decides.
AMBIGUOUS_MONTHS = {"lis": (11, 10), "lip": (7, 6), "srp": (8, 7)}
# First year of a Japanese era, less one. Source: Unicode CLDR, calendars/japanese.
JAPANESE_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "r": 2018, "h": 1988, "s": 1925}
# Monday to Sunday; "_" stands for a space.
WEEKDAYS = {
    "en": "monday/mon/mo tuesday/tue/tu wednesday/wed/we thursday/thu/th friday/fri/fr saturday/sat/sa sunday/sun/su",
    "fr": "lundi/lun/lu mardi/mar/ma mercredi/mer/me jeudi/jeu/je vendredi/ven/ve samedi/sam/sa dimanche/dim/di",
    "de": "montag/mo dienstag/di mittwoch/mi donnerstag/do freitag/fr samstag/sa sonntag/so",
    "es": "lunes/lun/lu martes/mar/ma miércoles/mié/mi jueves/jue/ju viernes/vie/vi sábado/sáb/sa domingo/dom/do",
    "pt": "segunda-feira/seg terça-feira/ter quarta-feira/qua quinta-feira/qui sexta-feira/sex sábado/sáb "
    "domingo/dom",
    "it": "lunedì/lun martedì/mar mercoledì/mer giovedì/gio venerdì/ven sabato/sab domenica/dom",
    "nl": "maandag/ma dinsdag/di woensdag/wo donderdag/do vrijdag/vr zaterdag/za zondag/zo",
    "tr": "pazartesi/pzt/pt salı/sal/sa çarşamba/çar/ça perşembe/per/pe cuma/cum/cu cumartesi/cmt/ct pazar/paz/pa",
    "ru": "понедельник/пн вторник/вт среда/ср четверг/чт пятница/пт суббота/сб воскресенье/вс",
    "uk": "понеділок/пн вівторок/вт середа/ср четвер/чт пʼятниця/пт субота/сб неділя/нд",
    "pl": "poniedziałek/pon wtorek/wt/wto środa/śr/śro czwartek/czw piątek/pt/pią sobota/sob niedziela/niedz/nie",
    "cs": "pondělí/po úterý/út středa/st čtvrtek/čt pátek/pá sobota/so neděle/ne",
    "el": "δευτέρα/δευ/δε τρίτη/τρί/τρ τετάρτη/τετ/τε πέμπτη/πέμ/πέ παρασκευή/παρ/πα σάββατο/σάβ/σά κυριακή/κυρ/κυ",
    "sv": "måndag/mån/må tisdag/tis/ti onsdag/ons/on torsdag/tors/to fredag/fre/fr lördag/lör/lö söndag/sön/sö",
    "no": "mandag/man/ma tirsdag/tir/ti onsdag/ons/on torsdag/tor/to fredag/fre/fr lørdag/lør/lø søndag/søn/sø",
    "fi": "maanantaina/ma/maanantai tiistaina/ti/tiistai keskiviikkona/ke/keskiviikko torstaina/to/torstai "
    "perjantaina/pe/perjantai lauantaina/la/lauantai sunnuntai/su",
    "hu": "hétfő kedd szerda/sze csütörtök/cs péntek szombat/szo vasárnap",
    "ro": "luni/lun/lu marți/mar/ma miercuri/mie/mi joi vineri/vin/vi sâmbătă/sâm/sâ duminică/dum/du",
    "id": "senin/sen selasa/sel rabu/rab kamis/kam jumat/jum sabtu/sab minggu/min",
    "da": "mandag/man/ma tirsdag/tirs/ti onsdag/ons/on torsdag/tors/to fredag/fre/fr lørdag/lør/lø søndag/søn/sø",
    "ar": "الاثنين/إثنين الثلاثاء/ثلاثاء الأربعاء/أربعاء الخميس/خميس الجمعة/جمعة السبت/سبت الأحد/أحد",
    "ca": "dilluns/dl dimarts/dt dimecres/dc dijous/dj divendres/dv dissabte/ds diumenge/dg",
    "gl": "luns/lu martes/mar/ma mércores/mér/mé xoves/xov/xo venres/ven/ve sábado/sáb/sá domingo/dom/do",
    "eu": "astelehena/al asteartea/ar asteazkena/az osteguna/og ostirala/or larunbata/lr igandea/ig",
    "sk": "pondelok/po utorok/ut streda/st štvrtok/št piatok/pi sobota/so nedeľa/ne",
    "sl": "ponedeljek/pon torek/tor sreda/sre četrtek/čet petek/pet sobota/sob nedelja/ned",
    "hr": "ponedjeljak/pon utorak/uto srijeda/sri četvrtak/čet petak/pet subota/sub nedjelja/ned",
    "sr": "понедељак/пон/по уторак/уто/ут среда/сре/ср четвртак/чет/че петак/пет/пе субота/суб/су недеља/нед/не",
    "bg": "понеделник/пн вторник/вт сряда/ср четвъртък/чт петък/пт събота/сб неделя/нд",
    "et": "esmaspäev teisipäev kolmapäev neljapäev reede laupäev pühapäev",
    "lv": "pirmdiena/pirmd/pr otrdiena/otrd/ot trešdiena/trešd/tr ceturtdiena/ceturtd/ce piektdiena/piektd/pk "
    "sestdiena/sestd/se svētdiena/svētd/sv",
    "lt": "pirmadienis/pr antradienis/an trečiadienis/tr ketvirtadienis/kt penktadienis/pn šeštadienis/št "
    "sekmadienis/sk",
    "is": "mánudagur/mán/má þriðjudagur/þri/þr miðvikudagur/mið/mi fimmtudagur/fim/fi föstudagur/fös/fö "
    "laugardagur/lau/la sunnudagur/sun/su",
    "he": "יום_שני/יום_ב׳/ב׳ יום_שלישי/יום_ג׳/ג׳ יום_רביעי/יום_ד׳/ד׳ יום_חמישי/יום_ה׳/ה׳ יום_שישי/יום_ו׳/ו׳ "
    "יום_שבת/שבת/ש׳ יום_ראשון/יום_א׳/א׳",
    "hi": "सोमवार/सोम/सो मंगलवार/मंगल/मं बुधवार/बुध/बु गुरुवार/गुरु/गु शुक्रवार/शुक्र/शु शनिवार/शनि/श रविवार/रवि/र",
    "fa": "دوشنبه سهشنبه چهارشنبه پنجشنبه جمعه/ج شنبه/ش یکشنبه",
    "vi": "thứ_hai thứ_ba thứ_tư thứ_năm thứ_sáu thứ_bảy chủ_nhật/cn",
    "ja": "月曜日/月 火曜日/火 水曜日/水 木曜日/木 金曜日/金 土曜日/土 日曜日/日",
    "ko": "월요일/월 화요일/화 수요일/수 목요일/목 금요일/금 토요일/토 일요일/일",
    "zh": "星期一/周一/週一 星期二/周二/週二 星期三/周三/週三 星期四/周四/週四 "
    "星期五/周五/週五 星期六/周六/週六 星期日/周日/週日",
    "th": "จันทร์/วันจันทร์/วันจันทร์ที่/จ อังคาร/วันอังคาร/วันอังคารที่/อ พุธ/วันพุธ/วันพุธที่/พ "
    "พฤหัสบดี/พฤหัส/วันพฤหัสบดี/วันพฤหัสบดีที่/พฤ ศุกร์/วันศุกร์/วันศุกร์ที่/ศ เสาร์/วันเสาร์/วันเสาร์ที่/ส "
    "อาทิตย์/วันอาทิตย์/วันอาทิตย์ที่/อา",
    "bn": "সোমবার/সোম মঙ্গলবার/মঙ্গল বুধবার/বুধ বৃহস্পতিবার/বৃহস্পতি শুক্রবার/শুক্র শনিবার/শনি রবিবার/রবি",
    "ur": "پیر منگل بدھ جمعرات جمعہ ہفتہ اتوار",
    "sw": "jumatatu jumanne jumatano alhamisi ijumaa jumamosi jumapili",
}  # fmt: skip
# Forms outside CLDR: longer abbreviations, and inflected names ("on Wednesday") of Slavic languages.
MORE_WEEKDAYS = {
    "en": "- tues weds/wednes thurs/thur - - -",
    "hu": "h k - - p - v",
    "ru": "- - среду - пятницу субботу -",
    "uk": "- - середу - п'ятниця/п’ятниця/п'ятницю суботу неділю",
    "pl": "- - środę - - sobotę niedzielę/nd",
    "de": "- die mit don fre sonnabend/sam son",
    "pt": "segunda terça quarta quinta sexta - -",
}  # fmt: skip
