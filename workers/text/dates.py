"""Parsing of dates in feeds and bylines, in the languages of MONTHS, to aware UTC times. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from workers.text.calendar_names import AMBIGUOUS_MONTHS, JAPANESE_ERAS, MORE_MONTHS, MORE_WEEKDAYS, WEEKDAYS
from workers.text.zones import ZONE_HOURS, utc_offset

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
_YEAR = re.compile(r"(?<![\d+])(?:19|20|21)\d\d(?!\d)")

# -- grammar: a date in one of these forms, then an optional time with an optional zone ------------------------
# Weekdays are removed first. A text that begins with its time is turned round. No word may remain.

_WORD = r"[^\s\d.,:;/()\[\]+_-]{1,30}+"  # possessive: no backtracking within a word
_OF = r"(?:(?:de|del|of) |d['’]|ב)?"
_GAP = r"[\s./-]{0,2}"
_DAY_MONTH = rf"(?:(?:den|le|el|il|am|the|vom|du|al) )?(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|re|ste|de|º|°|\.)?{_GAP}{_OF}(?P<month>{_WORD})[.,]{{0,2}}"
_MONTH_DAY = rf"(?P<month>{_WORD})\.?{_GAP}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?"
_ASCTIME = r" (?P<rest>\d{1,2}:\S+(?: [^\d\s]\S*)?) (?P<year>\d{4})$"
_FORMS = tuple(
    re.compile(rf"\A(?:{form})")
    for form in (
        rf"{_DAY_MONTH}{_GAP}{_OF}(?P<year>\d{{4}}|\d\d)(?!\d)",  # RFC 5322 §3.3
        rf"{_MONTH_DAY}{_GAP}{_OF}(?P<year>\d{{4}})(?!\d)",
        r"(?P<day>\d{1,2})[ ,]{1,2}(?P<month>\d{1,2}) ?[月월],? (?P<year>\d{4})(?!\d)",  # numbered months
        r"(?P<day>\d{1,2})[ ,]{1,2}(?:tháng |thg\.? ?|th\.? ?)(?P<month>\d{1,2}),? (?:năm )?(?P<year>\d{4})(?!\d)",
        rf"{_DAY_MONTH}{_ASCTIME}",
        rf"{_MONTH_DAY}{_ASCTIME}",  # asctime of ISO C §7.27.3.1
        rf"(?P<year>\d{{4}})(?P<sep>[-/. ])(?P<month>\d{{1,2}}|{_WORD})(?P=sep)(?P<day>\d{{1,2}})(?!\d)",  # ISO 8601
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?=\d{6}$|\D|$)",
        r"(?P<year>\d{4})-?w(?P<week>\d\d)-?(?P<week_day>[1-7])(?!\d)",  # ISO 8601 §5.2.3
        rf"(?P<year>\d{{4}})\.? (?:m\.?|gada) (?:(?P<month>{_WORD}) (?P<day>\d{{1,2}}) ?d\.?,?)",  # CLDR lt
        rf"(?P<year>\d{{4}})\. gada (?P<day>\d{{1,2}})\. (?P<month>{_WORD})",  # CLDR lv
        r"(?P<year>\d{4})-?(?P<ordinal>\d{3})(?!\d)",
        r"(?P<year>\d{4})(?:-(?P<month>\d\d))?$",
        rf"(?P<year>\d{{4}})[.,]? {_OF}(?P<month>{_WORD})\.? (?P<day>\d{{1,2}})(?!\d)[.,]?",
        r"(?P<year>\d{4}) ?[年년] ?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2}) ?[日일號号]"
        r"(?: ?[（(]?(?:星期|周|週|礼拜|禮拜)?[月火水木金土日一二三四五六天](?:曜日?)?[)）]?)?",
        r"(?P<year>\d{4})\. ?(?P<month>\d{1,2})\. ?(?P<day>\d{1,2})(?!\d)\.?",  # CLDR ko, hu
        r"(?P<first>\d{1,2})(?P<sep>[./ -]) ?(?P<other>\d{1,2})(?P=sep) ?(?P<year>\d{4})(?!\d)",
        r"(?P<first>\d{1,2})(?P<sep>[./])(?P<other>\d{1,2})(?P=sep)(?P<year>\d\d)(?=[ ,]|$)",
        rf"(?P<month>{_WORD})[.,]{{0,2}} (?P<year>\d{{4}})$",
    )
)
# Words between date and time, and the year's unit in Slavic languages. Source: CLDR, dateTimeFormat and date formats.
_JOIN = (
    r"(?:[\s,.:|@·•–—-]|t(?= ?\d)|(?:at|um|à|às|as|a las|a les|alle ore|alle|klo|kl|ore|ora|orele|ob|om|på|в|о|у|ve|saat|"
    r"στισ|pukul|jam|godz|o godz|v|lúc|ساعت|الساعة)\.? )*+"
)
_YEAR_UNIT = re.compile(r"(?<=\d{4}) ?(?:г|р|r|год|года|року)\.?(?=[\s,]|$)")
_HALF = r"(?P<half>[ap]\. ?m\b\.?|[ap]m\b\.?|π\.? ?μ\.?|μ\.? ?μ\.?|ص|م|öö|ös)?"
_EAST_HALF = r"(?:(?P<east_half>오전|오후|上午|下午|午前|午後) ?)?"
_CLOCKS = tuple(
    re.compile(rf"\A(?:{form})")
    for form in (
        rf"{_JOIN}{_EAST_HALF}(?P<hour>\d{{1,2}})[:.h時时点點](?P<minute>\d\d)(?:[:.分](?P<second>\d\d)(?:[.,]\d{{1,12}})?)?"
        rf"[分秒]?(?!\d) ?(?:uhr|uur|hrs|hs|h\b|น(?=\s|$))? ?{_HALF} ?(?P<zone>.*)",
        rf"{_JOIN}(?P<hour>\d{{1,2}}):(?P<minute>\d{{1,2}}):(?P<second>\d{{1,2}}) ?(?P<zone>[^\d:].*|)",  # 20:0:0
        r"[t ]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,]\d{1,12})?(?!\d)(?P<zone>.*)",  # ISO 8601 §5.3.1
        rf"{_JOIN}(?P<hour>\d{{1,2}}) ?(?P<half>[ap]\.? ?m\b\.?) ?(?P<zone>.*)",
        rf"{_JOIN}{_EAST_HALF}(?P<hour>\d{{1,2}}) ?[시時时点點] ?(?:(?P<minute>\d\d?) ?[분分])? ?(?:(?P<second>\d\d?) ?[초秒])?(?P<zone>.*)",
    )
)
_ZONE_ONLY = re.compile(r" ?z| ?[+-]\d\d:?\d\d| \(?[a-z]{2,5}[ )]?.*")
_TIME_FIRST = re.compile(
    r"\A(?P<time>\d{1,2}[:.h]\d\d(?::\d\d)?(?: ?[ap]\.? ?m\b\.?)?(?: ?uhr)?"
    r"(?: (?:z|utc|gmt|[a-z]{2,4}t|(?:gmt|utc)? ?[+-]\d{1,2}:?(?:\d\d)?)(?=[ ,]))?)[ ,|–—-]{1,3}(?:on |am |el |le |il )?(?P<date>\S.*)"
)
_AFTERNOON = frozenset("오후 下午 午後 م ös μμ".split())
_HANGUL = re.compile("[\uac00-\ud7a3]")
# The most frequent forms, 99 % of 138,607 dates in collected feeds: RFC 5322 §3.3 and RFC 3339 §5.6.
_RFC_5322 = re.compile(
    r"(?:(?P<weekday>[a-z]{3}), )?(?P<day>\d\d?) (?P<month>[a-z]{3}) (?P<year>\d{4}) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) (?P<zone>[a-z]{3}|[+-]\d{4})"
)
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[t ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,12})?(?:z|[+-](?:0\d|1[01]):[0-5]\d)"
)
_EPOCH = re.compile(r"(\d{10})(?:\d{3}|\.\d{1,9})?")  # seconds or milliseconds since 1970
_ATTACHED = re.compile(r"(?<=[^\W\d_][.,])(?=\d)|(?<=\d)(?=[（(]\D)|(?<=[^\d\s][）)])(?=\d)")  # Mon,05 and 05(Mon)10
_SIGNS = str.maketrans("−：／．，،", "-:/.,,", "\u200c\u200d\u200e\u200f\u202a\u202c\ufeff")
# Rewriting of other calendars, and of months in Chinese numerals: pattern, function of its match.
_THAI_DOT = re.compile(r"(?<=[\u0e00-\u0e7f])\.|\bพ\.?ศ\.? ?(?=\d{4})")
_ERA_YEAR = re.compile(r"(令和|平成|昭和|大正) ?(\d{1,2}|元) ?年|\A([rhs])(\d{1,2})(?=[./]\d{1,2}[./]\d{1,2}(?!\d))")
_NUMERAL_MONTH = re.compile(r"([一二三四五六七八九]|十[一二]?)月")
_NUMERALS = "一二三四五六七八九十"
BUDDHIST_YEARS = range(2443, 2743)  # 1900 to 2199
BUDDHIST_OFFSET = 543  # Source: Unicode CLDR, calendars/buddhist
_EDGES = ".,;()（）[]"


class _Reading(NamedTuple):
    """A date as read. `local` is the time as written, `is_day`: it has no time of day."""

    local: datetime
    utc: datetime
    is_day: bool


def parse_date(text: str) -> datetime | None:
    """Return *text* as an aware UTC time; None if it is ambiguous or any part of it is unknown.

    Fractions of a second are dropped. A time without a zone means UTC; with Korean words it means Seoul time.
    A text may hold its date twice; both must agree.
    """
    if len(text) > MAX_TEXT_CHARS:
        return None
    line = " ".join(text.casefold().translate(_SIGNS).split())
    if not line.isascii() or line[:1] in "rhs":
        line = _with_gregorian_numbers(line)
    epoch = _EPOCH.fullmatch(line)
    try:
        if epoch is not None:
            return _plausible(datetime.fromtimestamp(int(epoch[1]), UTC))
        if _RFC_3339.fullmatch(line) and line < "22":  # later years are those of the Buddhist calendar
            return _plausible(datetime.fromisoformat(line.upper()).astimezone(UTC).replace(microsecond=0))
        reading = _read_rfc_5322(line) or _read(line) or _read_twice(line)
    except (ValueError, OverflowError):
        return None
    return _plausible(reading.utc) if reading else None


def _with_gregorian_numbers(line: str) -> str:
    """Return *line* with years of Japanese eras and months in Chinese numerals as numbers, and Thai without dots."""
    line = _ERA_YEAR.sub(_western_year, _THAI_DOT.sub("", line))
    return _NUMERAL_MONTH.sub(lambda match: f"{sum(_NUMERALS.index(c) + 1 for c in match[1])}月", line)


def _western_year(match: re.Match[str]) -> str:
    era, number = match[1] or match[3], match[2] or match[4]
    year = JAPANESE_ERAS[era] + (1 if number == "元" else int(number))
    return f"{year}年" if match[1] else str(year)


def _plausible(time: datetime) -> datetime | None:
    return time if 1900 < time.year < 2200 else None


def _read_rfc_5322(line: str) -> _Reading | None:
    """Return the reading of the usual form; None for the general grammar."""
    match = _RFC_5322.fullmatch(line)
    if match is None:
        return None
    weekday, day, name, year, hour, minute, second, zone = match.groups()
    month = MONTH_NUMBERS.get(name)
    if month is None or year >= "22" or (weekday and weekday not in _WEEKDAY_NUMBERS) or hour >= "24" or second >= "60":
        return None
    local = datetime(int(year), month, int(day), int(hour), int(minute), int(second))  # noqa: DTZ001 - see below
    offset = utc_offset(zone, local)
    return _Reading(local, (local - offset).replace(tzinfo=UTC), is_day=False) if offset is not None else None


def _read_twice(line: str) -> _Reading | None:
    """Return the reading of a text with two dates; None unless both agree."""
    if len(_YEAR.findall(line)) != 2:
        return None
    words = line.split()
    for n in range(1, len(words)):
        first, second = (_read_or_none(" ".join(part).strip("()[] ,-|/")) for part in (words[:n], words[n:]))
        if first and second and _agree(first, second):
            return second if first.is_day else first
    return None


def _agree(first: _Reading, second: _Reading) -> bool:
    if first.is_day or second.is_day:
        return first.local.date() == second.local.date()
    return first.utc == second.utc or first.local == second.local


def _read_or_none(line: str) -> _Reading | None:
    try:
        return _read(line)
    except (ValueError, OverflowError):
        return None


def _read(line: str) -> _Reading | None:
    for weekdays, rest in _without_weekdays(line):
        turned = _TIME_FIRST.match(rest)
        for variant in (rest,) if turned is None else (rest, f"{turned['date'].rstrip(' ,')} {turned['time']}"):
            for form in _FORMS:
                match = form.match(variant)
                if match is not None and (reading := _reading_from(match, variant, weekdays)) is not None:
                    return reading
    return None


def _without_weekdays(line: str) -> Iterator[tuple[frozenset[int], str]]:
    """Yield (numbers of its weekday, *line* without weekdays). "Mar" is Tuesday in French, then March.

    Forms of two Latin letters, and forms that are months or zones too, are weekdays at the start only.
    """
    words = [word for word in _YEAR_UNIT.sub("", _ATTACHED.sub(" ", line)).split(" ") if word not in ("", ",")]
    if not words:
        return
    weekdays, kept = frozenset[int](), []
    for word in words[1:]:
        numbers = _weekdays_of(word) if (len(word) > 2 or not word.isascii()) and not word[0].isdecimal() else None
        if numbers is None or _is_month_or_zone(word):
            kept.append(word)
        else:
            weekdays = numbers
    if first_two := _WEEKDAY_NUMBERS.get(_without_accents(" ".join(words[:2]).rstrip(_EDGES))):
        yield first_two, " ".join(kept[1:])
    first = _weekdays_of(words[0])
    if first is not None:
        yield first, " ".join(kept)
    if first is None or _without_accents(words[0].strip(_EDGES)) in _MONTHS_WITHOUT_ACCENTS:
        yield weekdays, " ".join((words[0], *kept))


def _weekdays_of(word: str) -> frozenset[int] | None:
    word = word.strip(_EDGES)
    return _WEEKDAY_NUMBERS.get(word) or (None if word.isascii() else _WEEKDAY_NUMBERS.get(_without_accents(word)))


def _is_month_or_zone(word: str) -> bool:
    word = _without_accents(word.strip(_EDGES))
    return (len(word) < 3 and word.isascii()) or word in _MONTHS_WITHOUT_ACCENTS or word in ZONE_HOURS


def _reading_from(match: re.Match[str], line: str, weekdays: frozenset[int]) -> _Reading | None:
    groups = match.groupdict()
    day, rest = _day(groups, weekdays), groups.get("rest") or line[match.end() :].rstrip(" .,")
    if day is None:
        return None
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone is subtracted below
    if not rest:
        return _Reading(midnight, midnight.replace(tzinfo=UTC), is_day=True)
    if _ZONE_ONLY.fullmatch(rest) and (offset := utc_offset(rest.strip(), midnight)) is not None:
        return _Reading(midnight, (midnight - offset).replace(tzinfo=UTC), is_day=True)  # xsd:date of XML Schema
    for clock in _CLOCKS:
        clock_match = clock.fullmatch(rest)
        if clock_match is not None and (elapsed := _since_midnight(clock_match)) is not None:
            local = midnight + elapsed
            offset = utc_offset(clock_match["zone"].lstrip(" ,") or ("kst" if _HANGUL.search(line) else ""), local)
            if offset is not None:
                return _Reading(local, (local - offset).replace(tzinfo=UTC), is_day=False)
    return None


def _since_midnight(match: re.Match[str]) -> timedelta | None:
    """Return the time of day, up to 24:00; None for 14:30 AM, 0:30 PM and 25:00. Second 60 is a leap second."""
    groups = match.groupdict()
    hour, minute, second = int(groups["hour"] or 0), int(groups.get("minute") or 0), int(groups.get("second") or 0)
    half, east = (groups.get("half") or "").replace(".", "").replace(" ", ""), groups.get("east_half")
    if half or east:
        afternoon = half.startswith("p") or half in _AFTERNOON or east in _AFTERNOON
        if (half and east) or (hour > 12 and not afternoon) or (hour == 0 and afternoon):
            return None
        hour = hour % 12 + 12 * afternoon if hour <= 12 else hour
    elapsed = timedelta(hours=hour, minutes=minute, seconds=second)
    return elapsed if minute < 60 and second <= 60 and elapsed <= timedelta(days=1) else None


def _day(groups: dict[str, str | None], weekdays: frozenset[int]) -> date | None:
    year = int(groups["year"] or 0)
    if len(groups["year"] or "") == 2:
        year += 2000 if year < 90 else 1900
    elif year in BUDDHIST_YEARS:
        year -= BUDDHIST_OFFSET
    if groups.get("first"):
        return _numeric_day(year, groups, weekdays)
    if groups.get("week"):
        return date.fromisocalendar(year, int(groups["week"] or 0), int(groups["week_day"] or 0))
    if groups.get("ordinal"):
        day = date(year, 1, 1) + timedelta(days=int(groups["ordinal"] or 0) - 1)
        return day if day.year == year else None
    month = groups.get("month") or "1"
    number = int(month) if month.isdecimal() else _MONTHS_WITHOUT_ACCENTS.get(_without_accents(month))
    day_number = int(groups.get("day") or 1)
    if number is None and (numbers := AMBIGUOUS_MONTHS.get(month)):
        possible = [d for n in numbers if (d := _day_or_none(year, day_number, n)) and d.weekday() in weekdays]
        return possible[0] if len(possible) == 1 else None
    return date(year, number, day_number) if number else None


def _numeric_day(year: int, groups: dict[str, str | None], weekdays: frozenset[int]) -> date | None:
    """Return the day of `11.4.2020` (day first) or `11/4/2020`; None for slashes if both orders are possible.

    The weekday decides between two possible orders.
    """
    first, second = int(groups["first"] or 0), int(groups["other"] or 0)
    days = {day for pair in ((first, second), (second, first)) if (day := _day_or_none(year, *pair)) is not None}
    if len(days) == 2 and weekdays and (matching := {day for day in days if day.weekday() in weekdays}):
        days = matching
    if len(days) == 2 and groups["sep"] == "." and (dotted := _day_or_none(year, first, second)) is not None:
        return dotted
    return days.pop() if len(days) == 1 else None


def _day_or_none(year: int, day: int, month: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _without_accents(word: str) -> str:
    """Return *word* without accents: their use in dates varies."""
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))


def _forms(names: str) -> Iterator[tuple[int, str]]:
    """Yield (position, form without accents) of a row of calendar_names."""
    for number, forms in enumerate(names.split()):
        for form in forms.split("/"):
            yield number, _without_accents(form.replace("_", " ").replace("\u200c", ""))


_MONTHS_WITHOUT_ACCENTS = {form: n + 1 for names in MORE_MONTHS.values() for n, form in _forms(names)} | {
    _without_accents(form): number for form, number in MONTH_NUMBERS.items()
}
_WEEKDAY_NUMBERS: dict[str, frozenset[int]] = {}
for _names in (*WEEKDAYS.values(), *MORE_WEEKDAYS.values()):
    for _number, _form in _forms(_names):
        _WEEKDAY_NUMBERS[_form] = _WEEKDAY_NUMBERS.get(_form, frozenset()) | {_number}
del _WEEKDAY_NUMBERS["-"], _MONTHS_WITHOUT_ACCENTS["-"]
