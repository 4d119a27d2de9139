"""Builds the public record of an event from the reports of its articles. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.records import Article, NewsEvent, Report
from workers.events.decisions import EventChange

MAX_LISTED = 100  # reports in one record: the first and the newest; a record is published for each change
MAX_NAMES, MAX_PLACES = 12, 8
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReportDetails(NamedTuple):
    """A report with the names and places of its text. *is_by_names*: the text model lacks its language."""

    report: Report
    names: tuple[str, ...]
    places: tuple[str, ...]
    is_by_names: bool = False


def to_report(article: Article) -> Report:
    """Return the part of an article that its event shows."""
    return Report(
        article.id, article.revision, article.title, article.publisher, article.language,
        article.canonical_url or article.url, article.published or article.fetched_at,
    )  # fmt: skip


def news_event(change: EventChange, details: Sequence[ReportDetails], vectors: npt.NDArray[np.float32]) -> NewsEvent:
    """Return the record of a changed event. *details* and *vectors*: of its articles, in the order of `slots`."""
    merged_into, split_from = change.merged_into.hex(), change.split_from.hex()
    reports = [detail.report for detail in details]
    if not reports:
        return NewsEvent(
            id=change.event.hex(), revision=change.revision, merged_into=merged_into, split_from=split_from
        )
    title = reports[central(vectors, [bool(report.title) for report in reports])]
    times = sorted(report.published for report in reports if report.published is not None)
    return NewsEvent(
        id=change.event.hex(), revision=change.revision, title=title.title, language=title.language,
        article_count=len(reports), first_report=times[0] if times else None,
        newest_report=times[-1] if times else None,
        publishers=_unique(report.publisher for report in reports),
        languages=_unique(base_language(report.language) for report in reports),
        places=_shared((detail.places for detail in details), MAX_PLACES),
        names=_shared((detail.names for detail in details), MAX_NAMES),
        articles=tuple(reports if len(reports) <= MAX_LISTED else [reports[0], *reports[-MAX_LISTED + 1 :]]),
        by_names_only=_unique(base_language(detail.report.language) for detail in details if detail.is_by_names),
        merged_into=merged_into, split_from=split_from,
    )  # fmt: skip


def central(vectors: npt.NDArray[np.float32], has_title: Sequence[bool]) -> int:
    """Return the index of the report nearest to the mean of all; the first one of equals, with a title if any has."""
    similarity = vectors @ vectors.mean(axis=0)
    similarity = np.round(similarity.astype(np.float64), 4) + np.where(has_title, 0.0, -10.0)
    return int(np.argmax(similarity))


def base_language(tag: str) -> str:
    """Return the language of a BCP 47 tag, without region and script."""
    return tag.partition("-")[0].lower()


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _shared(lists: Iterable[tuple[str, ...]], limit: int) -> tuple[str, ...]:
    """Return the values that at least two lists have, the most frequent first."""
    counts = Counter(value for values in lists for value in dict.fromkeys(values))
    return tuple(value for value, count in counts.most_common() if count > 1)[:limit]
