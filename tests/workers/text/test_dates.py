"""Dates of feeds: correct time or None, for both XML parsers and for JSON Feed."""

import json
from datetime import UTC, datetime
from html import escape

import pytest

from workers.poller.formats import parse_feed
from workers.poller.formats.expat_xml import parse_fast
from workers.text.date_lines import parse_date_line
from workers.text.dates import parse_date

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URL = "https://courier.example/feeds/world"

# Date text → time in UTC; None for ambiguous, incomplete or partly unknown text.
EXPECTED = {
    # RFC 822, RFC 5322 and publishers' variants
    "Mon, 05 Jan 2026 10:00:00 GMT": "2026-01-05T10:00:00",
    "Mon, 05 Jan 2026 10:00:00 +0200": "2026-01-05T08:00:00",
    "Mon, 05 Jan 2026 10:00:00 -0330": "2026-01-05T13:30:00",
    "Mon,\n 05 Jan 2026\n 10:00:00 +0000": "2026-01-05T10:00:00",
    "5 Jan 26 10:00 EST": "2026-01-05T15:00:00",
    "Mon, 05 Jan 2026 10:00:00 +0100 (CET)": "2026-01-05T09:00:00",
    "Mon, 05 Jan 2026 10:00:00 +0000 GMT": "2026-01-05T10:00:00",
    "Mon, 05 Jan 2026": "2026-01-05T00:00:00",
    "Tue, 18 Sept 2018 15:53:56 +0300": "2018-09-18T12:53:56",
    "Sunday, 06-Nov-94 08:49:37 GMT": "1994-11-06T08:49:37",
    "Mon Jan  5 10:00:00 2026": "2026-01-05T10:00:00",
    "Mon Jan  5 10:00:00 PST 2026": "2026-01-05T18:00:00",
    "Mon Jan 05 2026 10:00:00 GMT+0100 (Central European Standard Time)": "2026-01-05T09:00:00",
    "Monday, January 5th, 2026": "2026-01-05T00:00:00",
    "Fri, Oct 7 2022 10:15:00 -0400": "2022-10-07T14:15:00",
    # A positive offset after GMT or UTC is east of Greenwich
    "Sun, 05 Sep 2021 15:30:00 GMT+7": "2021-09-05T08:30:00",
    "Sun, 05 Sep 2021 15:30:00 GMT+0700": "2021-09-05T08:30:00",
    "Sun, 05 Sep 2021 15:30:00 UTC+7": "2021-09-05T08:30:00",
    "Sun, 05 Sep 2021 15:30:00 GMT -03:30": "2021-09-05T19:00:00",
    # Zone names
    "Sun, 05 Sep 2021 15:30:00 CEST": "2021-09-05T13:30:00",
    "Sun, 05 Sep 2021 15:30:00 JST": "2021-09-05T06:30:00",
    "Sun, 05 Sep 2021 15:30:00 AEST": "2021-09-05T05:30:00",
    "Sun, 05 Sep 2021 15:30:00 MSK": "2021-09-05T12:30:00",
    "Sun, 05 Sep 2021 15:30:00 ET": "2021-09-05T19:30:00",
    "Sun, 05 Dec 2021 15:30:00 ET": "2021-12-05T20:30:00",
    "Sun, 05 Sep 2021 15:30:00 XYZ": None,
    "Sun, 05 Sep 2021 15:30:00 A": None,  # military zones: RFC 5322 §4.3
    "Sun, 05 Sep 2021 15:30:00 Europe/Berlin": "2021-09-05T13:30:00",
    "Sun, 05 Sep 2021 15:30:00 Europe/Nowhere": None,
    "Sun, 05 Dec 2021 15:30:00 America/Argentina/Buenos_Aires": "2021-12-05T18:30:00",
    "2026-01-05T10:00:00 Etc/GMT+5": "2026-01-05T15:00:00",  # the tz database counts to the west
    "2026-01-05T10:00:00+01:00[Europe/Paris]": "2026-01-05T09:00:00",  # RFC 9557
    "2026-07-05T10:00:00[Europe/Paris]": "2026-07-05T08:00:00",
    "Mon, 05 Jan 2026 10:00:00 Eastern Standard Time": "2026-01-05T15:00:00",
    "Mon, 05 Jan 2026 10:00:00 IST": "2026-01-05T04:30:00",  # India's, see AMBIGUOUS_ZONES
    "Mon, 05 Jan 2026 10:00:00 BRT": "2026-01-05T13:00:00",
    "lun., 05 janv. 2026 10:00:00 HNE": "2026-01-05T15:00:00",
    "Sun, 05 Sep 2021 15:30:00 +3000": None,
    "Sun, 05 Sep 2021 15:30:00 +0200 EST": None,
    # AM and PM
    "Sat, Dec 16 2023 02:02:33 PM": "2023-12-16T14:02:33",
    "12/16/2023 12:30 AM": "2023-12-16T00:30:00",
    "16 Dec 2023 2:30 p.m.": "2023-12-16T14:30:00",
    "16 Dec 2023 2 PM": "2023-12-16T14:00:00",
    "16 Dec 2023 14:30 AM": None,
    "2004-05-25 오후 11:23:17": "2004-05-25T14:23:17",
    # Numbers
    "2016/6/29 15:07:41": "2016-06-29T15:07:41",
    "2016/06/29 15:07": "2016-06-29T15:07:00",
    "29.6.2016 15:07": "2016-06-29T15:07:00",
    "17/01/2023": "2023-01-17T00:00:00",
    "Fri, 2006/09/15 08:19:53 EDT": "2006-09-15T12:19:53",
    "Sat, 11 04 2020 08:51:49 +0100": "2020-04-11T07:51:49",
    "11/04/2020 08:51:49": None,
    "05/05/2020": "2020-05-05T00:00:00",
    "1520932969": "2018-03-13T09:22:49",
    "1520932969000": "2018-03-13T09:22:49",
    "152093296": None,
    # ISO 8601 and W3C date-time
    "2026-01-05T10:00:00Z": "2026-01-05T10:00:00",
    "2026-01-05T10:00:00.123456+02:00": "2026-01-05T08:00:00",
    "2026-01-05 10:00:00 -0800": "2026-01-05T18:00:00",
    "2026-01-05T10:00+01:00": "2026-01-05T09:00:00",
    "20260105T100000Z": "2026-01-05T10:00:00",
    "20260105100000": "2026-01-05T10:00:00",
    "2026-01-05T24:00:00Z": "2026-01-06T00:00:00",
    "2013-03-17T12:44:00 00:00": "2013-03-17T12:44:00",
    "2026-01-05": "2026-01-05T00:00:00",
    "2026-01": "2026-01-01T00:00:00",
    "2026": "2026-01-01T00:00:00",
    "01-05T10:00:00Z": None,  # no year
    "2026-01-05T10:00:00Z and more": None,
    "2026-01-05T10:00:00 0200": None,  # a lost sign
    # Other languages
    "mar., 01 déc. 2020 16:11:02 +0000": "2020-12-01T16:11:02",
    "Mo, 25 Jun 2018 11:41:36": "2018-06-25T11:41:36",
    "Do, 03 Mär 2016 10:00:00 +0100": "2016-03-03T09:00:00",
    "mié, 05 ene 2022 10:00:00 +0000": "2022-01-05T10:00:00",
    "Κυρ, 11 Ιούλ 2004 12:00:00 EST": "2004-07-11T17:00:00",
    "2004-július-13T9:15-05:00": "2004-07-13T14:15:00",
    "2004년 05월 28일  01:31:15": "2004-05-27T16:31:15",
    "2016年6月29日 15:07": "2016-06-29T15:07:00",
    "2016年6月29日 下午3:07": "2016-06-29T15:07:00",
    "29 xyz 2016 15:07": None,
    "lundi 5 janvier 2026 à 10:00": "2026-01-05T10:00:00",
    "понедельник, 5 января 2026 г., 10:00": "2026-01-05T10:00:00",
    "poniedziałek, 5 stycznia 2026 r., 10:00": "2026-01-05T10:00:00",
    "Pzt, 05 Oca 2026 10:00:00 +0300": "2026-01-05T07:00:00",
    "segunda-feira, 5 de janeiro de 2026 10:00": "2026-01-05T10:00:00",
    "2026. január 5., hétfő 10:00": "2026-01-05T10:00:00",
    "sre, 11 04 2020 10:00": "2020-11-04T10:00:00",  # 4 November 2020 was a Wednesday
    "mié, 11 04 2020 10:00": "2020-11-04T10:00:00",
    "sábado, 11/04/2020 10:00": "2020-04-11T10:00:00",
    "lun, 5 gen 2026 10:00:00 GMT": "2026-01-05T10:00:00",
    "2026년 1월 5일 월요일 오전 10:00": "2026-01-05T01:00:00",
    "2026年1月5日(月) 10:00": "2026-01-05T10:00:00",
    "2026年1月5日 星期一 10时30分": "2026-01-05T10:30:00",
    "الاثنين، 5 يناير 2026 10:00": "2026-01-05T10:00:00",
    "יום שני, 5 בינואר 2026 10:00": "2026-01-05T10:00:00",
    "Δευτέρα, 5 Ιανουαρίου 2026 3:07 μ.μ.": "2026-01-05T15:07:00",
    # Any order, and a date that is written twice
    "10:00, 05 Jan 2026": "2026-01-05T10:00:00",
    "10:00 PM EST, January 5, 2026": "2026-01-06T03:00:00",
    "5 January 2026, Monday, 10:00": "2026-01-05T10:00:00",
    "Mon,05 Jan 2026 10:00:00 GMT": "2026-01-05T10:00:00",
    "Mon , 05  Jan\t2026  10:00:00\t +0000": "2026-01-05T10:00:00",
    "Tues, 06 Jan 2026 10:00:00 GMT": "2026-01-06T10:00:00",
    "Dom, 16 Jun 2024 00:05:38 +0000 2024-06-16 00:05:38": "2024-06-16T00:05:38",
    "2026-01-05 Mon, 05 Jan 2026 10:00:00 +0100": "2026-01-05T09:00:00",
    "Mon, 05 Jan 2026 10:00:00 +0100 2026-01-05 09:00:00": "2026-01-05T09:00:00",
    "Mon, 05 Jan 2026 10:00:00 +0100 2026-01-07 09:00:00": None,
    "2026-W02-1": "2026-01-05T00:00:00",
    "1520932969.25": "2018-03-13T09:22:49",
    "2017-08-01 13:55:44.364419679 +0200 CEST m=+0.000012": "2017-08-01T11:55:44",
    "Thu, 02 Sep 2021 20:0:0 Z": "2021-09-02T20:00:00",
    "Sun, 31 Dec 2023 23:59:60 GMT": "2024-01-01T00:00:00",
    "周日, 05 9月 2021 15:30:00 +0800": "2021-09-05T07:30:00",
    "일, 05 9월 2021 15:30:00 +0900": "2021-09-05T06:30:00",
    "CN, 05 Th9 2021 15:30:00 +0700": "2021-09-05T08:30:00",
    "v, 05 szept 2021 15:30:00 +0200": "2021-09-05T13:30:00",
    "Thu, 26 Jan 2023 12:30:00 EST5EDT": "2023-01-26T17:30:00",
    "torsdag den 19. november 2026 kl. 10.30": "2026-11-19T10:30:00",
    "Sunday 9/5/2021 3:30:00 PM": None,  # both orders are Sundays
    "2026/01/05 (月) 10:00": "2026-01-05T10:00:00",
    "2026-01-05(월) 10:00": "2026-01-05T10:00:00",
    "05.01.2026(Mon)10:00": "2026-01-05T10:00:00",
    "2020-11-08T16:20:00-05:00Z": "2020-11-08T21:20:00",
    "Nov. 2020": "2020-11-01T00:00:00",
    "26 Sep 2022 GMT": "2022-09-26T00:00:00",
    "2022-09-26+02:00": "2022-09-25T22:00:00",
    "26 Sep 2022 at noon": None,
    "10/30/23 21:55:58": "2023-10-30T21:55:58",
    "30.10.23": "2023-10-30T00:00:00",
    "10/11/23": None,
    # Words outside the grammar
    "Edition 05 Jan 2026 10:00:00 GMT": None,
    "Mon, 05 Jan 2026 10:00:00 GMT approx": None,
    # Not dates
    "Mon, 99 Foo 99999 99:99:99": None,
    "Mon, 05 Jan 2026 10:61:00 GMT": None,
    "yesterday": None,
    ",": None,
    "": None,
    "10:00": None,
    "x" * 200: None,
}  # fmt: skip


def rss(date: str, element: str = "pubDate") -> bytes:
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><item><title>Canal reopens</title>'
        f"<link>https://courier.example/1</link><{element}>{escape(date)}</{element}></item></channel></rss>"
    ).encode()


def json_feed(date: str) -> bytes:
    item = {"id": "1", "url": "https://courier.example/1", "title": "T", "content_text": "x", "date_published": date}
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [item]}).encode()


def published(body: bytes, use_expat: bool = True) -> str | None:
    [item] = parse_feed(body, URL, fetched_at=NOW, use_expat=use_expat).items
    return item.published.strftime("%Y-%m-%dT%H:%M:%S") if item.published else None


@pytest.mark.parametrize(("date", "expected"), EXPECTED.items(), ids=[repr(date)[:60] for date in EXPECTED])
def test_feed_date_is_correct_or_none(date: str, expected: str | None) -> None:
    body = rss(date)
    assert parse_fast(body, {"content-location": URL}) is not None
    assert (published(body), published(body, use_expat=False), published(json_feed(date))) == (expected,) * 3


@pytest.mark.parametrize("use_expat", [True, False])
def test_updated_of_item_is_read_alike(use_expat: bool) -> None:
    body = rss("Sun, 05 Sep 2021 15:30:00 GMT+7", "updated")
    [item] = parse_feed(body, URL, fetched_at=NOW, use_expat=use_expat).items
    assert item.updated == datetime(2021, 9, 5, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2021-03-14 01:59 ET", "2021-03-14T06:59"),
        ("2021-03-14 03:00 ET", "2021-03-14T07:00"),
        ("2021-11-07 00:59 PT", "2021-11-07T07:59"),
        ("2021-11-07 02:00 PT", "2021-11-07T10:00"),
        ("2006-04-01 12:00 CT", "2006-04-01T18:00"),
        ("2006-10-28 12:00 CT", "2006-10-28T17:00"),
        ("2006-11-04 12:00 CT", "2006-11-04T18:00"),
    ],
)
def test_general_american_zone_follows_daylight_saving(local: str, utc: str) -> None:
    time = parse_date(local)
    assert time is not None
    assert time.strftime("%Y-%m-%dT%H:%M") == utc


@pytest.mark.parametrize("date", ["1 " * 50, "a, " * 33, "2026-01-05 " + "- " * 44, "5 jan 2026" + "t" * 90])
def test_parse_date_rejects_malformed_text(date: str) -> None:
    assert parse_date(date) is None


def test_date_line_may_begin_with_section() -> None:
    assert parse_date_line("Sport 05.08.2024 13:53") == datetime(2024, 8, 5, 13, 53, tzinfo=UTC)
    assert parse_date("Sport 05.08.2024 13:53") is None
