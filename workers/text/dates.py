"""Parsing of dates in feeds and bylines, in the languages of MONTHS, to aware UTC times. Pure."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

from workers.text.zones import utc_offset

MAX_DATE_CHARS = 80
# Words before the date of a line such as "Updated on March 3, 2026".
UPDATE_STAMP = re.compile(r"(?:last )?(?:updated|update|published|posted|modified|first published|publicado|actualizado|"
                          r"publié|mis à jour|veröffentlicht|aktualisiert|aggiornato|güncelleme|опубликовано)\b[\s:]*+(?:on|at|le|am|el)?+\s*+", re.IGNORECASE)  # fmt: skip
MAX_TEXT_CHARS = 100
# January to December in the form used in dates (often the genitive), with the outlets' short forms. "/" separates
# the forms of one month. Source: Unicode CLDR, month names in format width wide and abbreviated.
MONTHS = {
    "en": "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct november/nov december/dec",
    "fr": "janvier/janv février/févr/fevrier mars avril/avr mai juin juillet/juil août/aout septembre octobre/oct novembre décembre/déc",
    "de": "januar/jänner/jän februar/feber märz/mär april mai juni juli august september oktober/okt november dezember/dez",
    "es": "enero/ene febrero marzo abril/abr mayo junio julio agosto/ago septiembre/setiembre/set octubre noviembre diciembre/dic",
    "pt": "janeiro fevereiro/fev março abril maio/mai junho julho agosto setembro outubro/out novembro dezembro/dez",
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
    "da": "januar februar marts april maj juni juli august september oktober november december",
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
# East Asian dates: year, month and day, each followed by its sign. Source: CLDR date formats of zh, ja and ko.
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
    r"(?:\s*+[（(]?[月火水木金土日一二三四五六]?[)）]?\s*+(?P<hour>\d{1,2})[:時时](?P<minute>\d{2})[分]?)?"
)
_DIGIT = re.compile(r"\d")

# -- grammar: a date in one of these forms, then an optional time with an optional zone ------------------------

_WORD = r"[^\W\d_]{1,30}+"  # possessive: no backtracking within a word
_LEAD = rf"(?:(?P<weekday>{_WORD})[.,\s]{{1,3}})?"  # any word may precede the date
_GAP = r"[\s./-]{0,2}"
_DAY_MONTH = rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|re|º|°|\.)?{_GAP}(?:de |of )?(?P<month>{_WORD})[.,]{{0,2}}"
_MONTH_DAY = rf"(?P<month>{_WORD})\.?{_GAP}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?"
_ASCTIME = r" (?P<rest>\d{1,2}:\S+(?: [^\d\s]\S*)?) (?P<year>\d{4})$"
_FORMS = tuple(
    re.compile(rf"\A(?:{form})")
    for form in (
        rf"{_LEAD}{_DAY_MONTH}{_GAP}(?:de |del |of )?(?P<year>\d{{4}}|\d\d)(?!\d)",  # RFC 5322 §3.3
        rf"{_LEAD}{_MONTH_DAY}{_GAP}(?P<year>\d{{4}})(?!\d)",
        rf"{_LEAD}{_DAY_MONTH}{_ASCTIME}",
        rf"{_LEAD}{_MONTH_DAY}{_ASCTIME}",  # asctime of ISO C §7.27.3.1
        rf"{_LEAD}(?P<year>\d{{4}})(?P<sep>[-/.])(?P<month>\d{{1,2}}|{_WORD})(?P=sep)(?P<day>\d{{1,2}})(?!\d)",  # ISO 8601
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?=\d{6}$|\D|$)",
        r"(?P<year>\d{4})-?(?P<ordinal>\d{3})(?!\d)",
        r"(?P<year>\d{4})(?:-(?P<month>\d\d))?$",
        rf"(?P<year>\d{{4}})\.? (?P<month>{_WORD})\.? (?P<day>\d{{1,2}})(?!\d)\.?",
        r"(?P<year>\d{4}) ?[年년] ?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2}) ?[日일](?: ?[（(]?[月火水木金土日一二三四五六][)）]?)?",
        rf"{_LEAD}(?P<first>\d{{1,2}})(?P<sep>[./ -]) ?(?P<other>\d{{1,2}})(?P=sep) ?(?P<year>\d{{4}})(?!\d)",
    )
)
_JOIN = r"(?:[\s,.|@·•–—-]|t(?= ?\d)|(?:at|um|à|a las|klo|kl|ore|ob|om)\.? )*+"
_HALF = r"(?P<half>[ap]\.? ?m\b\.?)?"
_EAST_HALF = r"(?:(?P<east_half>오전|오후|上午|下午|午前|午後) ?)?"
_CLOCKS = tuple(
    re.compile(rf"\A(?:{form})")
    for form in (
        rf"{_JOIN}{_EAST_HALF}(?P<hour>\d{{1,2}})[:.h時时](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d{{1,12}})?)?"
        rf"分?(?!\d) ?(?:uhr|hrs|h\b)? ?{_HALF} ?(?P<zone>.*)",
        r"[t ]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?!\d)(?P<zone>.*)",  # ISO 8601 §5.3.1, basic format
        rf"{_JOIN}(?P<hour>\d{{1,2}}) ?(?P<half>[ap]\.? ?m\b\.?) ?(?P<zone>.*)",
    )
)
_AFTERNOON = frozenset("오후 下午 午後".split())
_HANGUL = re.compile("[\uac00-\ud7a3]")
_EPOCH = re.compile(r"(\d{10})(\d{3})?")  # seconds or milliseconds since 1970
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_date_line(line: str) -> datetime | None:
    """Return the time of a line that consists of a date, in UTC; None for any other line.

    "Published: February 26, 2017" is such a line; a sentence with a date is not. A time without a zone means UTC.
    """
    if len(line) > MAX_DATE_CHARS or _DIGIT.search(line) is None:
        return None
    stamp = UPDATE_STAMP.match(line)
    rest = line[stamp.end() :] if stamp else line
    east = _EAST_ASIAN.fullmatch(rest.strip())
    if east is not None:
        return _utc(*(int(east[name] or 0) for name in ("year", "month", "day", "hour", "minute")))
    match = _DATE.fullmatch(rest)
    return parse_date(match.group().strip(" .")) if match else None


def parse_date(text: str) -> datetime | None:
    """Return *text* as an aware UTC time; None if it is ambiguous or any part of it is unknown.

    Fractions of a second are dropped. A time without a zone means UTC; with Korean words it means Seoul time.
    """
    if len(text) > MAX_TEXT_CHARS:
        return None
    line = " ".join(text.casefold().replace("\u2212", "-").split())
    epoch = _EPOCH.fullmatch(line)
    try:
        if epoch is not None:
            return _plausible(datetime.fromtimestamp(int(epoch[1]), UTC))
        for form in _FORMS:
            match = form.match(line)
            if match is not None and (time := _time_from(match, line)) is not None:
                return _plausible(time)
    except (ValueError, OverflowError):
        return None
    return None


def _plausible(time: datetime) -> datetime | None:
    return time if 1900 < time.year < 2200 else None


def _time_from(match: re.Match[str], line: str) -> datetime | None:
    groups = match.groupdict()
    day, rest = _day(groups), groups.get("rest") or line[match.end() :].rstrip(" .")
    if day is None:
        return None
    if not rest:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    for clock in _CLOCKS:
        clock_match = clock.fullmatch(rest)
        if clock_match is not None and (elapsed := _since_midnight(clock_match)) is not None:
            local = datetime(day.year, day.month, day.day) + elapsed  # noqa: DTZ001 - the zone is subtracted below
            offset = utc_offset(clock_match["zone"] or ("kst" if _HANGUL.search(line) else ""), local)
            return (local - offset).replace(tzinfo=UTC) if offset is not None else None
    return None


def _since_midnight(match: re.Match[str]) -> timedelta | None:
    """Return the time of day, up to 24:00; None for 14:30 AM, 0:30 PM and 25:00."""
    groups = match.groupdict()
    hour, minute, second = int(groups["hour"] or 0), int(groups.get("minute") or 0), int(groups.get("second") or 0)
    half, east = groups.get("half"), groups.get("east_half")
    if half or east:
        afternoon = half.startswith("p") if half else east in _AFTERNOON
        if (half and east) or (hour > 12 and not afternoon) or (hour == 0 and afternoon):
            return None
        hour = hour % 12 + 12 * afternoon if hour <= 12 else hour
    elapsed = timedelta(hours=hour, minutes=minute, seconds=second)
    return elapsed if minute < 60 and second < 60 and elapsed <= timedelta(days=1) else None


def _day(groups: dict[str, str | None]) -> date | None:
    year = int(groups["year"] or 0)
    if groups.get("first"):
        return _numeric_day(groups)
    if groups.get("ordinal"):
        day = date(year, 1, 1) + timedelta(days=int(groups["ordinal"] or 0) - 1)
        return day if day.year == year else None
    if len(groups["year"] or "") == 2:
        year += 2000 if year < 90 else 1900
    month = groups.get("month") or "1"
    number = int(month) if month.isdecimal() else _MONTHS_WITHOUT_ACCENTS.get(_without_accents(month))
    return date(year, number, int(groups.get("day") or 1)) if number else None


def _numeric_day(groups: dict[str, str | None]) -> date | None:
    """Return the day of `11.4.2020` (day first) or `11/4/2020`; None for slashes if both orders are possible.

    An English weekday decides between two possible orders.
    """
    year, first, second = (int(groups[name] or 0) for name in ("year", "first", "other"))
    days = {day for pair in ((first, second), (second, first)) if (day := _day_or_none(year, *pair)) is not None}
    if groups["sep"] == "." and (dotted := _day_or_none(year, first, second)) is not None:
        return dotted
    if len(days) == 2 and (weekday := (groups["weekday"] or "")[:3]) in _WEEKDAYS:
        days = {day for day in days if day.weekday() == _WEEKDAYS.index(weekday)}
    return days.pop() if len(days) == 1 else None


def _day_or_none(year: int, day: int, month: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _without_accents(word: str) -> str:
    """Return *word* without accents: their use in dates varies."""
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))


_MONTHS_WITHOUT_ACCENTS = {_without_accents(form): number for form, number in MONTH_NUMBERS.items()}


def _utc(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        value = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    return value if 1900 < year < 2200 else None
