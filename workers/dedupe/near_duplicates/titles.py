"""Similarity of titles. Pure.

Two titles are similar if their numbers are equal and they share at least SIMILAR of all their words. Words are
compared without case and accents, without an agency's prefix and without the outlet's name at the end. Numbers are
digits, Roman numerals, number words, months and weekdays: they distinguish numbered parts and dated forms.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from workers.dedupe.near_duplicates.words import content_words, is_single_character, tokenise
from workers.text.dates import MONTHS

# Share of the words of both titles. Most corrections of a title share more, most episodes less. Measured on pairs of
# equal texts with equal numbers in one feed of ../shared/corpus/feeds.tar.xz (`rw_series`).
SIMILAR = 0.7
MAX_OUTLET_WORDS = 5
REUSED = 0.12  # share of the words of both titles and of both texts, below which a link was reused
MIN_BASE_WORDS = 7  # of a title without the part after its last bar or dash
_DIGIT, _ASCII_DIGIT = re.compile(r"\d"), re.compile(rb"\d")
_NAMED = re.compile(r"(?<=[^\W\d_])-\d+")  # the number is part of a name: Covid-19, F-16
_LAST_PART = re.compile(r"\s(?:[|\u2013\u2014\u00b7-]|::)\s")
_SEPARATORS = ("|", "\u2013", "\u2014", "\u00b7", "-", "::")
# Marks of a new version at the start of a title. Sources: Reuters Handbook of Journalism (UPDATE 1-, RPT-, REFILE-,
# CORRECTED-, WRAPUP 2-), leads of Yonhap, Kyodo and Xinhua ((LEAD), (2nd LD)).
_UPDATE = re.compile(
    r"\A\s*+(?:(?:UPDATED?|RPT|REPEAT|REFILE|CORRECTED|CORRECTION|WRAPUP|(?i:updated?|corrected|refile)(?=\s*+\d*+[:-]))"
    r"\s*+\d{0,2}+\s*+[-\u2013\u2014:]\s*+|\((?:LEAD|(?:\d(?:st|nd|rd|th)\s)?LD|URGENT)\)\s*+)++"
)

# Monday to Sunday; "/" between forms of one day. Source: Unicode CLDR, day names in format width wide; for Slavic
# languages the accusative ("on Wednesday") too.
WEEKDAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "de": "montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "pt": "segunda terça quarta quinta sexta sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "tr": "pazartesi salı çarşamba perşembe cuma cumartesi pazar",
    "ru": "понедельник вторник среда/среду четверг пятница/пятницу суббота/субботу воскресенье",
    "uk": "понеділок вівторок середа/середу четвер пʼятниця/пʼятницю субота/суботу неділя/неділю",
    "pl": "poniedziałek wtorek środa/środę czwartek piątek sobota/sobotę niedziela/niedzielę",
    "cs": "pondělí úterý středa/středu čtvrtek pátek sobota/sobotu neděle/neděli",
    "el": "δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή",
    "sv": "måndag tisdag onsdag torsdag fredag lördag söndag",
    "no": "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "fi": "maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai",
    "hu": "hétfő kedd szerda csütörtök péntek szombat vasárnap",
    "ro": "luni marți miercuri joi vineri sâmbătă duminică",
    "id": "senin selasa rabu kamis jumat sabtu minggu",
    "ar": "الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
}
# From two: a title with "one" or "I" differs from other numbers anyway. Source: Unicode CLDR,
# rule-based number format, spellout-cardinal and (English) spellout-ordinal. "-": left out, a common English word.
CARDINALS = {
    "en": "two three four five six seven eight nine ten eleven twelve",
    "fr": "deux trois quatre cinq six sept huit neuf dix onze douze",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez - doce",
    "pt": "dois/duas três quatro cinco seis sete oito nove dez onze doze",
    "it": "- tre quattro cinque sei sette otto nove dieci undici dodici",
    "nl": "twee drie vier vijf zes zeven acht negen tien elf twaalf",
    "zh": "二 三 四 五 六 七 八 九 十",
    "Roman": "ii iii iv v vi vii viii ix x xi xii",
    "English ordinals": "second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
}
AMBIGUOUS = frozenset({"-", "may", "dos"})  # "does" folds to "dos"

# Words for a part of a series, and its first number; articles ("une partie") are none. Source: Unicode CLDR,
# spellout-numbering and spellout-ordinal.
PARTS = "part teil partie parte deel część часть частина rész"  # not "del", which is "of the" in Spanish
FIRST_WORDS = "eins first erster première primera primeira prima första første pierwsza первая перша"


class Title(NamedTuple):
    """The normalised words of a title, and the values of its numbers.

    `whole`: its words in order. `base`: those before the last bar or dash, which may be an outlet's name; empty if
    they are few. `length`: number of words; a character of an unspaced script counts half.
    `is_update`: an agency marked it as a new version. `is_part`: it names a numbered part.
    """

    words: frozenset[bytes]
    numbers: frozenset[bytes]
    whole: bytes
    base: bytes
    length: int
    is_update: bool
    is_part: bool = False


def read_title(title: str, publisher: str) -> Title:
    """Return the words and numbers of a title, without agency prefix and the name of *publisher* at the end."""
    mark = _UPDATE.match(title)
    title = _without_outlet(title[mark.end() :] if mark else title, publisher)
    words = tokenise(title)
    counted = tokenise(_NAMED.sub("", title)) if "-" in title and _NAMED.search(title) else words
    whole, distinct = b" ".join(words), frozenset(words)
    digits = set[bytes]()
    if not whole.isascii() or _ASCII_DIGIT.search(whole):
        digits = {word for word in counted if not word.isalpha() and _DIGIT.search(word.decode("utf-8", "replace"))}
    numbers = frozenset(digits.union([NUMBERS[word] for word in NUMBERS.keys() & distinct]))
    is_part = not PART_WORDS.isdisjoint(distinct) and _names_part(words)
    return Title(distinct, numbers, whole, _base(title), _length(words), mark is not None, is_part)


def _names_part(words: list[bytes]) -> bool:
    """Return whether a number is beside a word for a part: part two, 2. Teil, first part."""
    before = [near for near, word in pairwise(words) if word in PART_WORDS]
    after = [near for word, near in pairwise(words) if word in PART_WORDS]
    numbered = [near for near in after if near == b"one" or near in NUMBERS]
    return bool(numbered) or any(near.isdigit() or near in FIRST for near in (*before, *after))


def _base(title: str) -> bytes:
    """Return the words before the last bar or dash; empty without one, and if they are few or the rest is long."""
    parts = _last_parts(title)
    if not parts:
        return b""
    words = tokenise(title[: parts[-1].start()])
    is_long = _length(tokenise(title[parts[-1].end() :])) > MAX_OUTLET_WORDS
    return b"" if is_long or _length(words) < MIN_BASE_WORDS else b" ".join(words)


def _last_parts(title: str) -> list[re.Match[str]]:
    """Return the separators of a title. Most titles lack their characters; that test takes a tenth of the time."""
    return list(_LAST_PART.finditer(title)) if any(map(title.__contains__, _SEPARATORS)) else []


def _length(words: list[bytes]) -> int:
    return len(words) - sum([is_single_character(word) for word in words if not word.isascii()]) // 2


def are_similar(one: Title, other: Title) -> bool:
    """Return whether two titles name the same article. `signature.apply_rules` estimates it from signatures."""
    return one.numbers == other.numbers and overlap(one.words, other.words) >= SIMILAR


def overlap(one: frozenset[bytes], other: frozenset[bytes]) -> float:
    """Return the Jaccard similarity of two sets of words; 1.0 if both are empty."""
    return len(one & other) / len(one | other) if one or other else 1.0


def is_other_article(before: tuple[str, str], after: tuple[str, str]) -> bool:
    """Return whether title and text share hardly a word with those *before* under the same link: the link was reused.

    Measured on ../shared/corpus/judge/revisions.jsonl: below REUSED are 1 in 60 revisions, with replaced stories.
    """
    pairs = [parts for parts in zip(before, after, strict=True) if all(parts)]
    return bool(pairs) and all(overlap(*map(_content, parts)) < REUSED for parts in pairs)


def _content(text: str) -> frozenset[bytes]:
    return content_words(tokenise(text))


def _without_outlet(title: str, publisher: str) -> str:
    """Return *title* without the part after the last bar or dash if its words are all in the publisher's name."""
    parts = _last_parts(title)
    if not parts:
        return title
    tail = tokenise(title[parts[-1].end() :])
    name = tokenise(publisher)
    is_outlet = tail and len(tail) <= MAX_OUTLET_WORDS and (set(tail) <= set(name) or b"".join(tail) in b"".join(name))
    return title[: parts[-1].start()] if is_outlet else title


def _table(prefix: str, languages: dict[str, str], first: int) -> dict[bytes, bytes]:
    """Return the value of each word form: *prefix* and the word's position in its language."""
    return {
        word: f"{prefix}{value}".encode()
        for names in languages.values()
        for value, forms in enumerate(names.split(), first)
        for form in forms.split("/")
        if form not in AMBIGUOUS
        for word in tokenise(form)
    }


_MONTHS = {language: " ".join(forms.split("/")[0] for forms in names.split()) for language, names in MONTHS.items()}
NUMBERS = _table("", CARDINALS, 2) | _table("month ", _MONTHS, 1) | _table("weekday ", WEEKDAYS, 1)
PART_WORDS = frozenset(word for name in PARTS.split() for word in tokenise(name))
FIRST = frozenset(word for name in FIRST_WORDS.split() for word in tokenise(name))
