"""Report on one site: the evidence in its history, and its last template change."""

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.state.segments import Segments
from workers.clean.site_facts import SiteFacts
from workers.dedupe.site_history import PREFIX, SEGMENT_ARTICLES, SEGMENTS, SHARDS, names_key
from workers.dedupe.template_changes import read_changes

MIN_ARTICLES = 2  # of a line or path in a report
MAX_ROWS = 50


class EvidenceRow(msgspec.Struct, frozen=True):
    """A line or path, and the numbers of earlier articles, as in `Votes`."""

    text: str
    repeats: int
    clutter: int
    body: int


class SiteReport(msgspec.Struct, frozen=True):
    """The evidence of one site. *articles* counts those that its history holds."""

    site: str
    articles: int
    headlines: int
    template_changed_s: float | None
    evidence: tuple[EvidenceRow, ...]


async def read_site(state: Any, site: str) -> SiteReport:
    """Return the report on *site*: rows with a text, those of most articles first."""
    segments = Segments(f"{PREFIX}:{site}", SEGMENT_ARTICLES, SEGMENTS, SHARDS)
    count = int(await state.get(segments.count_key) or 0)
    live = segments.live(segments.newest(count))
    names: dict[bytes, str] = {}
    counts: dict[bytes, int] = {}
    headlines: set[bytes] = set()
    for segment in live:
        texts = await state.hgetall(names_key(segments, segment))
        names |= {key: text.decode("utf-8", "replace") for key, text in texts.items()}
        for key in segments.keys(segment):
            fields: Mapping[bytes, bytes] = await state.hgetall(key)
            headlines |= {field for field in fields if field[:1] == b"h"}
            for field, value in fields.items():
                if field[:1] == b"l":
                    counts[field[1:]] = counts.get(field[1:], 0) + int(value)
    facts = SiteFacts(counts=counts)
    rows = [EvidenceRow(text, *facts.votes(key)) for key, text in names.items()]
    rows = [row for row in rows if row.repeats + row.clutter + row.body >= MIN_ARTICLES]
    rows.sort(key=lambda row: (-row.repeats - row.clutter - row.body, row.text))
    changes, _ = await read_changes(state)
    changed_s = next((change.changed_s for change in changes if change.site == site), None)
    return SiteReport(site, count - live.start * SEGMENT_ARTICLES, len(headlines), changed_s, tuple(rows[:MAX_ROWS]))
