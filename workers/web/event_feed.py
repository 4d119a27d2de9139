"""Events as entries of feeds: the title of the event, and links to its reports. Pure."""

from html import escape

from streams.records import Article, NewsEvent, Report
from workers.text.counts import format_count
from workers.urls.web_url import web_url

MAX_ENTRY_REPORTS = 20


def event_entry(event: NewsEvent) -> Article:
    """Return *event* in the form that feed writers take; its link is the link of its first report."""
    reports = [*event.articles[:1], *reversed(event.articles[1:])][:MAX_ENTRY_REPORTS]
    return Article(
        id=event.id, revision=event.revision, title=event.title, language=event.language,
        url=event.articles[0].url if event.articles else "", publisher=", ".join(event.publishers),
        published=event.first_report, updated=event.newest_report, tags=event.places,
        dek=f"{format_count(event.article_count, 'report')} by {format_count(len(event.publishers), 'publisher')}",
        html=f"<ul>{''.join(map(_item, reports))}</ul>",
        paragraphs=tuple(f"{report.publisher}: {report.title}" for report in reports),
    )  # fmt: skip


def _item(report: Report) -> str:
    title = escape(report.title or report.url)
    url = web_url(report.url)
    link = f'<a href="{escape(url)}">{title}</a>' if url else title
    return f"<li>{escape(report.publisher)}: {link}</li>"
