"""Dates as bylines write them, in the languages of the lexicon, to aware UTC times."""

import re
import warnings
from datetime import UTC, datetime

import dateutil.parser

from workers.clean.clutter import UPDATE_STAMP

warnings.filterwarnings("ignore", category=dateutil.parser.UnknownTimezoneWarning)  # such a time is taken as UTC

MAX_DATE_CHARS = 80
# January to December as dates write them (many in the genitive), with the short forms that outlets use; "/" between
# forms of one month. Source: Unicode CLDR, month names in format width wide and abbreviated.
MONTHS = {
    "en": "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct november/nov december/dec",
    "fr": "janvier/janv février/févr/fevrier mars avril/avr mai juin juillet/juil août/aout septembre octobre/oct novembre décembre/déc",
    "de": "januar/jänner/jän februar/feber märz/mär april mai juni juli august september oktober/okt november dezember/dez",
    "es": "enero/ene febrero marzo abril/abr mayo junio julio agosto/ago septiembre/setiembre/set octubre noviembre diciembre/dic",
    "pt": "janeiro fevereiro/fev março abril maio/mai junho julho agosto setembro outubro/out novembro dezembro",
    "it": "gennaio/gen febbraio marzo aprile maggio/mag giugno/giu luglio/lug agosto settembre ottobre/ott novembre dicembre",
    "nl": "januari februari maart/mrt april mei juni juli augustus september oktober november december",
    "tr": "ocak/oca şubat/şub mart nisan/nis mayıs haziran/haz temmuz/tem ağustos/ağu eylül/eyl ekim/eki kasım/kas aralık/ara",
    "ru": "января/янв февраля/фев марта/мар апреля/апр мая июня/июн июля/июл августа/авг сентября/сен/сент октября/окт ноября/ноя декабря/дек",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "el": "ιανουαρίου/ιαν φεβρουαρίου/φεβ μαρτίου/μαρ απριλίου/απρ μαΐου/μαίου/μαϊ ιουνίου/ιουν ιουλίου/ιουλ αυγούστου/αυγ σεπτεμβρίου/σεπ οκτωβρίου/οκτ νοεμβρίου/νοε δεκεμβρίου/δεκ",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "no": "januar februar mars april mai juni juli august september oktober november desember",
    "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "id": "januari februari maret april mei juni juli agustus september oktober november desember",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}  # fmt: skip
MONTH_NUMBERS = {
    form: number
    for names in MONTHS.values()
    for number, forms in enumerate(names.split(), 1)
    for form in forms.split("/")
}
_MONTH = "(?:" + "|".join(sorted(map(re.escape, MONTH_NUMBERS), key=len, reverse=True)) + ")"
_TIME = (
    r"(?:(?:,|\s|t|at|um|à|a las|klo|kl|@|\||-|–|·|•)*\d{1,2}[:.h]\d{2}(?::\d{2})?\s*+(?:uhr|hrs|h)?\s*+(?:[ap]\.?m\.?)?\s*+"
    r"(?:z|utc|gmt|[a-z]{2,4}t|[+-]\d{2}:?\d{2})?)?\.?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,12}\.?,?\s+)?"  # in any language: a word before the date
_DAY = r"\d{1,2}(?:st|nd|rd|th|er|º|\.)?"
_DATE = re.compile(
    rf"{_WEEKDAY}(?:{_MONTH}\.?\s+{_DAY},?\s+\d{{4}}|{_DAY}\s+(?:de\s+)?{_MONTH}\.?,?\s+(?:de\s+|del\s+)?\d{{4}}|"
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}\.\s?\d{{1,2}}\.\s?\d{{4}}|\d{{4}}\.\s?{_MONTH}\s\d{{1,2}}\.){_TIME}",
    re.IGNORECASE,
)
# The East Asian way: year, month, day, each with its sign. Source: CLDR date formats of zh, ja and ko.
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
    r"(?:\s*+[（(]?[月火水木金土日一二三四五六]?[)）]?\s*+(?P<hour>\d{1,2})[:時时](?P<minute>\d{2})[分]?)?"
)
_NUMERIC = re.compile(r"^(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})")
# Zones that outlets print; dateutil knows only UTC and the machine's own. Source: their UTC offsets in hours.
_ZONES = {"EST": -5, "EDT": -4, "ET": -5, "CST": -6, "CDT": -5, "CT": -6, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
          "PT": -8, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "IST": 5.5, "JST": 9, "AEST": 10,
          "AEDT": 11, "NZST": 12, "NZDT": 13, "HKT": 8, "SGT": 8, "PKT": 5, "TRT": 3}  # fmt: skip
_MEANT = frozenset((*_ZONES, *"AM PM A P M Z T H UTC GMT".split()))  # words that tell the parser something
_DEFAULT = datetime(2000, 1, 1, tzinfo=UTC)
_ZONE_SECONDS = {name: int(hours * 3600) for name, hours in _ZONES.items()}
_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_BETWEEN = re.compile(r"[|@·•]|\bat\b")  # stands between date and time


def date_in(line: str) -> datetime | None:
    """Return the time that *line* gives if it gives nothing else, in UTC; without a zone, it is taken as UTC.

    "Published: February 26, 2017" is such a line; a sentence that mentions a date isn't.
    """
    if len(line) > MAX_DATE_CHARS or _DIGIT.search(line) is None:
        return None
    stamp = UPDATE_STAMP.match(line)
    rest = line[stamp.end() :] if stamp else line
    east = _EAST_ASIAN.fullmatch(rest.strip())
    if east is not None:
        return _utc(*(int(east[name] or 0) for name in ("year", "month", "day", "hour", "minute")))
    found = _DATE.fullmatch(rest)
    return parse_date(found.group().strip(" .")) if found else None


def parse_date(text: str) -> datetime | None:
    """Return *text* as an aware UTC time, or None where it is no date in a possible year."""
    try:
        value = dateutil.parser.parse(_in_english(text), tzinfos=_ZONE_SECONDS, default=_DEFAULT)
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
    return value if 1900 < value.year < 2200 else None


def _in_english(text: str) -> str:
    """Return a date with English months, without the words that no date needs."""
    text = _BETWEEN.sub(" ", text)
    numeric = _NUMERIC.match(text)
    if numeric is not None:
        text = f"{numeric['year']}-{int(numeric['month']):02}-{int(numeric['day']):02}{text[numeric.end() :]}"
    if text.isascii() and not _WORD.search(text):
        return text
    return _WORD.sub(_english, text)


def _english(word: re.Match[str]) -> str:
    number = MONTH_NUMBERS.get(word[0].casefold()) or MONTH_NUMBERS.get(word[0].lower())
    if number:
        return datetime(2000, number, 1, tzinfo=UTC).strftime("%B")
    return word[0] if word[0].upper() in _MEANT else " "


def _utc(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        value = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    return value if 1900 < year < 2200 else None
