"""Dates in public bug reports, and of other calendars: Thai Buddhist years, Japanese eras, Chinese numerals."""

import pytest

from workers.text.calendar_names import MORE_MONTHS
from workers.text.dates import MONTHS, parse_date

EXPECTED = {
    # Thai Buddhist calendar
    "14 พฤศจิกายน 2566": "2023-11-14T00:00:00",
    "14 พ.ย. 2566 08:30 น.": "2023-11-14T08:30:00",
    "อ., 14 พ.ย. 2566 08:30:00 +0700": "2023-11-14T01:30:00",
    "วันอังคารที่ 14 พฤศจิกายน พ.ศ. 2566": "2023-11-14T00:00:00",
    "Tue, 14 Nov 2566 08:30:00 +0700": "2023-11-14T01:30:00",
    "2566-11-14T08:30:00+07:00": "2023-11-14T01:30:00",
    "29 ก.พ. 2567": "2024-02-29T00:00:00",
    "14/11/2566 08:30": "2023-11-14T08:30:00",
    # Japanese eras
    "令和5年11月14日": "2023-11-14T00:00:00",
    "令和元年11月14日": "2019-11-14T00:00:00",
    "平成30年11月14日（水）8時30分": "2018-11-14T08:30:00",
    "昭和63年1月2日": "1988-01-02T00:00:00",
    "R5.11.14": "2023-11-14T00:00:00",
    "H30/1/2 8:30": "2018-01-02T08:30:00",
    # WordPress in Chinese
    "星期二, 14 十一月 2023 08:30:00 +0800": "2023-11-14T00:30:00",
    "週二, 14 11 月 2023 08:30:00 +0800": "2023-11-14T00:30:00",
    "三, 10 十月 2023": None,
    # the weekday decides between two languages
    "śr., 15 lis 2023 08:30:00 +0100": "2023-11-15T07:30:00",
    "Út, 14 lis 2023 08:30:00 +0100": "2023-11-14T07:30:00",
    "čet, 12 lis 2023 10:00:00 +0200": "2023-10-12T08:00:00",
    "15 lip 2023 10:00": None,
    # other languages
    "14 ноября 2023, 08:30 МСК": "2023-11-14T05:30:00",
    "Die, 14 Nov 2023 08:30:00 +0100": "2023-11-14T07:30:00",
    "Mit, 15 Nov 2023 08:30:00 +0100": "2023-11-15T07:30:00",
    "2023 m. lapkričio 14 d. 08:30": "2023-11-14T08:30:00",
    "2023. gada 14. novembris 08:30": "2023-11-14T08:30:00",
    "১৪ নভেম্বর ২০২৩": "2023-11-14T00:00:00",
    "14 நவம்பர் 2023": "2023-11-14T00:00:00",
    "14 نومبر 2023": "2023-11-14T00:00:00",
    "14 Novemba 2023": "2023-11-14T00:00:00",
    "14 nentor 2023": "2023-11-14T00:00:00",
    "14 Ogos 2023": "2023-08-14T00:00:00",
    # signs
    "Tue, 14 Nov 2023 8:30:5 +0000": "2023-11-14T08:30:05",
    "2023-11-14T08:30:00Z+0000": "2023-11-14T08:30:00",
    "2023-11-14T08:30:00Z+0100": None,
    "2023 11 14 08:30": "2023-11-14T08:30:00",
    "Tue, 14 Nov 2023 08:30:00 + 0100": "2023-11-14T07:30:00",
    "14/Nov/2023:08:30:00 +0100": "2023-11-14T07:30:00",
    # right before
    "Sun, 15 Dec 2024 12:15 PM": "2024-12-15T12:15:00",  # Feeder#456
    "2017-08-01 13:55:44.364419679 +0200 CEST": "2017-08-01T11:55:44",  # nyaa#1308
    "Wed, 11 Sep 2019 22:52:30+5:30": "2019-09-11T17:22:30",  # NetNewsWire#1012
    "Sat, 12 Jan 2025 10:00:00 +0000": "2025-01-12T10:00:00",  # feed-flow#598: a wrong weekday
    "-001-11-30T00:00:00+00:00": None,
    "۱۴۰۲/۰۸/۲۳": None,
    "2 hours ago": None,
}


@pytest.mark.parametrize(("text", "expected"), EXPECTED.items())
def test_reported_date_is_right_or_unknown(text: str, expected: str | None) -> None:
    time = parse_date(text)
    assert (time.strftime("%Y-%m-%dT%H:%M:%S") if time else None) == expected


def test_month_names_have_one_meaning() -> None:
    numbers: dict[str, set[int]] = {}
    for row in (*MONTHS.values(), *MORE_MONTHS.values()):
        for number, forms in enumerate(row.split()):
            for form in forms.split("/"):
                numbers.setdefault(form.casefold(), set()).add(number)
    numbers.pop("-")
    assert not {form for form, meanings in numbers.items() if len(meanings) > 1}
