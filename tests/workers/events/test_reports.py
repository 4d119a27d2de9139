"""Public records of events: their title, lists and links."""

from datetime import UTC, datetime

import numpy as np

from streams.records import Article, Report
from workers.events.decisions import EventChange
from workers.events.reports import MAX_LISTED, ReportDetails, news_event, to_report

EVENT, OTHER = b"e" * 10, b"o" * 10
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def details(
    number: int, title: str, language: str = "en", publisher: str = "", *, by_names: bool = False
) -> ReportDetails:
    report = Report(f"{number:020x}", 1, title, publisher, language, "", NOON.replace(minute=number % 60))
    return ReportDetails(report, ("Marta Kessler", f"Only {number}"), ("Vienna",), by_names)


def test_news_event_lists_reports_and_shared_names() -> None:
    reports = [
        details(0, "Quake", "en-GB", "Herald"),
        details(1, "Beben", "de", "Kurier"),
        details(2, "Quake", "en", "Herald"),
    ]
    event = news_event(EventChange(EVENT, 4, (0, 1, 2)), reports, np.eye(3, dtype=np.float32))
    assert (event.id, event.revision, event.article_count) == (EVENT.hex(), 4, 3)
    assert event.publishers == ("Herald", "Kurier")
    assert event.languages == ("en", "de")
    assert event.names == ("Marta Kessler",)
    assert event.places == ("Vienna",)
    assert (event.first_report, event.newest_report) == (NOON, NOON.replace(minute=2))


def test_news_event_title_is_of_central_report() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0.7, 0.71], [0.9, 0.44]], np.float32)
    titles = [details(n, title) for n, title in enumerate(("Far", "Near", "Far", ""))]
    assert news_event(EventChange(EVENT, 2, (0, 1, 2, 3)), titles, vectors).title == "Near"


def test_large_news_event_lists_first_and_newest_reports() -> None:
    reports = [details(n, "Quake") for n in range(MAX_LISTED + 20)]
    event = news_event(EventChange(EVENT, 2, ()), reports, np.ones((len(reports), 2), np.float32))
    assert event.article_count == MAX_LISTED + 20
    assert [report.article_id for report in event.articles] == [
        f"{n:020x}" for n in (0, *range(21, MAX_LISTED + 20))
    ]  # fmt: skip


def test_merged_news_event_names_its_successor() -> None:
    event = news_event(EventChange(EVENT, 5, (), OTHER), [], np.zeros((0, 2), np.float32))
    assert (event.article_count, event.merged_into, event.articles) == (0, OTHER.hex(), ())


def test_news_event_names_languages_without_text_model() -> None:
    event = news_event(
        EventChange(EVENT, 2, (0, 1)),
        [details(0, "Quake"), details(1, "Jordskalv", "nb", by_names=True)],
        np.ones((2, 2), np.float32),
    )
    assert event.by_names_only == ("nb",)


def test_report_takes_time_of_poll_without_publication() -> None:
    article = Article(id="a" * 20, revision=2, title="Quake", url="https://a.example/", fetched_at=NOON)
    assert to_report(article) == Report("a" * 20, 2, "Quake", "", "", "https://a.example/", NOON)
