"""Lines that are fields of an article, such as byline, dateline and caption, and correction notes. Tables only.

None of these lines is clutter. The cleaner stores them as fields, except correction notes, which stay in the body.
"""

import re

# Lines between title and body. Source: bylines and reading times of English, French, German, Spanish, Portuguese,
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
# A line below the body. Source: outlets in ten languages.
SOURCE_CREDIT = re.compile(
    r"(?:source|sources|quelle|fuente|fonte|kaynak|источник|bron|źródło|المصدر)\s*:\s*(?P<credit>\S.{0,160})",
    re.IGNORECASE,
)
# Roles in the credit line of an agency below its article. Source: credit lines of Reuters in English, German, French,
# Spanish, Portuguese, Italian, Russian, Turkish, Polish, Japanese and Chinese, and of outlets that print them.
# The second part is followed by a colon; such roles occur in interviews too, so they count in brackets only.
CREDIT_ROLES = (
    r"(?:additional )?(?:reporting|writing|editing) by|compiled by|bericht von|(?:geschrieben|redigiert|bearbeitet) von|"
    r"reportage (?:de|par)|(?:rédigé|écrit|édité) par|version française(?: de| par)?|"
    r"report(?:e|aje)(?: adicional)? de|(?:escrito|editado|traducido)(?: en español)? por|edición de|"
    r"reportagem(?: adicional)? (?:de|por)|(?:editado|traduzido) por|edição de|servizio di|(?:scritto|tradotto) da|"
    r"editing(?: di)?|verslaggeving door|(?:geschreven|bewerkt) door|rapportering av|(?:skrivet|redigerat) av|"
    r"(?:ditulis|disunting|diedit) oleh"
)
CREDIT_ROLES_WITH_COLON = (
    r"haber|yazan|editör|çeviri|авторы?|текст|перевод|редактор|автори?|переклад|relacja|redakcja|opracowanie|"
    r"report(?:er|s?|ing)|writing|editor|editing|penulis|penyunting|取材|執筆|翻訳|編集|记者|記者|撰稿|编译|編譯|编辑|編輯|审校"
)
_ANY_ROLE = rf"(?:{CREDIT_ROLES}|(?:{CREDIT_ROLES_WITH_COLON})\s?[:：])"
_NAMES = r"\s?(?-i:(?![a-zà-ÿа-я]))[^()（）;；:：]{1,100}"
# A credit line is split before each role, so a part has one role.
NEXT_CREDIT = re.compile(rf"[;,.；，、]\s?(?={_ANY_ROLE})", re.IGNORECASE)
CREDIT_PART = re.compile(rf"(?:{CREDIT_ROLES}){_NAMES}", re.IGNORECASE)
BRACKETED_CREDIT_PART = re.compile(rf"{_ANY_ROLE}{_NAMES}", re.IGNORECASE)
# Source: datelines of outlets in the languages above. Words are possessive: backtracking within a word never helps and
# takes polynomial time. A hyphen belongs to a word only if the word continues: in "LONDON- The" it is a dash.
DATELINE = re.compile(
    r"\A(?P<dateline>(?:[A-ZÀ-ÞĀ-Ž](?:[A-ZÀ-ÞĀ-Ž.'’]|-(?![\s-]))++[ ,]*+){1,4}(?:[A-Z][\w. ]{0,24}, ?)?(?:\s*\([A-Za-z ./]{2,40}\))?)\s*(?:—|–|--|-)\s+\S"
)
# Notes about the article itself. They stay in the body even if they look like a prompt. Source: correction notes of outlets
# that follow the IFCN's code of principles, which requires open corrections.
CORRECTION_NOTE = re.compile(
    r"\W{0,3}(?:corrections?|clarifications?|editor['’]s note|note to (?:the )?readers?|retraction|"
    r"this (?:article|story|report|post) (?:was|has been) (?:amended|corrected|updated|clarified|edited)|"
    r"(?:an|in an) earlier version of this|berichtigung|korrektur|anmerkung der redaktion|anm\. d\. red|correctif|"
    r"rectificatif|erratum|note de la rédaction|correcci[oó]n|fe de erratas|nota (?:del editor|da redação)|errata|"
    r"rettifica|correzione|rectificatie|correctie|düzeltme|исправление|от редакции|sprostowanie|rättelse|訂正|更正|تصحيح)"
    r"\b.{0,600}",
    re.IGNORECASE,
)

# The end of an agency's last paragraph: its name alone in round brackets. The credit of a photo also names a person.
SIGNATURE = re.compile(
    r"\((?:AP|AFP|Reuters|EPA|Anadolu|AA|Xinhua|TASS|PA|dpa|ANSA|EFE|Bloomberg)\)[.!?]?$", re.IGNORECASE
)
# Captions that end with their credit. Source: the styles of Reuters, AP, AFP and Getty, and of outlets that use them; of
# Asahi and Mainichi, Xinhua, Globo and Lusa, and German archives.
# The second field is true if the pattern applies everywhere, false if it applies only in an article's head.
# A lower-case line must contain one of the parts: the fourth pattern takes 20 µs a line.
# Linear time: each pattern begins with \A, and no repeat of white space follows another. Callers strip the caption.
CAPTIONS: tuple[tuple[re.Pattern[str], bool, tuple[str, ...]], ...] = (
    (re.compile(r"\A(?P<caption>.{4,}?)[\[(](?P<credit>(?:[^\[\]()]{2,50}/)?\s?(?:AP|AFP|Reuters|EPA|Getty|Getty Images|"
                r"Anadolu|AA|Xinhua|TASS|PA|dpa|ANSA|EFE|Bloomberg)[^\[\]()]{0,30})[\])]\.?"), True, ("(", "[")),
    (re.compile(r"\A(?P<caption>.{4,}?[.!?\"”’)])\s+/\s+(?P<credit>[^/.]{2,60})"), False, ("/",)),
    (re.compile(r"\A(?P<caption>.{4,}?)(?:\||—|–)\s*+(?:photo|image|picture|credit|foto)?+\s*+:?+\s*+(?P<credit>(?:AP|AFP|Reuters|EPA|Getty|PA)\b[^.]{0,40})"), False, ("|", "—", "–")),
    (re.compile(r"\A(?P<caption>.{4,}?)(?:photo|image|picture|photograph|credit|foto|photo credit|image credit|courtesy)\s*(?:by|:|/|©)\s*(?P<credit>[^.]{2,80})", re.IGNORECASE), False, ("photo", "image", "picture", "credit", "foto", "courtesy")),
    (re.compile(r"\A(?P<caption>)(?:photo|image|picture|photograph|foto)(?: credit| by)?\s*[:©]\s*(?P<credit>[^.]{2,80})", re.IGNORECASE), True, ("photo", "image", "picture", "foto")),
    (re.compile(r"\A(?P<caption>.{0,300}?)\s?[＝=](?P<credit>[^＝=。]{1,20}撮影)"), True, ("撮影",)),
    (re.compile(r"\A(?P<caption>.{0,300}?)[\s（(]?(?:记者|記者|通讯员|通訊員)\s?(?P<credit>[^。，；]{1,20})(?:摄|攝|供图|供圖)[)）]?。?"), True, ("摄", "攝", "供图", "供圖")),
    (re.compile(r"\A(?P<caption>.{4,300}?)\s?[—–|-]\s?(?:fotos?|photos?|imagem|imagen|immagine|bild|zdjęcie|фото)\s?:\s?(?P<credit>.{2,80})", re.IGNORECASE), True, ("foto", "photo", "imag", "immagine", "bild", "zdjęcie", "фото")),
    (re.compile(r"\A(?P<caption>)[(\[]?(?:(?:image|photo|picture|video) )?credit\s?:\s?(?P<credit>[^.)\]]{2,80})[)\]]?", re.IGNORECASE), True, ("credit",)),
    (re.compile(r"\A(?P<caption>.{4,300}?)\s©\s?(?P<credit>(?!\d)[^©./]{2,30}/[^©.]{2,30})"), True, ("©",)),
)  # fmt: skip
