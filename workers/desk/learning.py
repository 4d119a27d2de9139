"""Records a new article in the history of its site, and reports a change of the site's template."""

from collections.abc import Sequence

from msgspec.structs import replace

from streams.logger import get_logger
from workers.clean.cleaner import CleanedContent
from workers.dedupe.site_history import SiteHistory
from workers.dedupe.site_templates import vote
from workers.dedupe.template_changes import change_commands
from workers.desk.batch import BatchBuilder
from workers.desk.candidate import ClassifiedItem

log = get_logger(__name__)


def record_article(
    history: SiteHistory, classified: ClassifiedItem, content: CleanedContent, title: str, builder: BatchBuilder
) -> None:
    """Add the state writes that record a new article in the history of its site. A reprint adds no lines."""
    (site, _), facts = classified.candidate.site_query, classified.facts
    lines: Sequence[str] = content.stable_lines
    evidence = content.evidence
    reset: Sequence[bytes] = ()
    if facts.is_reprint(lines):
        lines = ()
    if evidence.fits is not None and not classified.candidate.era:
        votes, reset = _vote_for_template(site, classified, evidence.fits, builder)
        evidence = replace(evidence, votes=evidence.votes | votes)
    builder.state_writes += history.record_commands(site, title, lines, evidence, reset)


def _vote_for_template(
    site: str, classified: ClassifiedItem, fits: bool, builder: BatchBuilder
) -> tuple[dict[bytes, int], tuple[bytes, ...]]:
    """Return the votes of an article and the keys whose counts restart; report a change once per batch."""
    item = classified.candidate.item
    if (site, item.feed) in builder.changed_templates:
        return {}, ()
    votes, reset, is_change = vote(classified.facts, item.feed, fits)
    if is_change:
        builder.changed_templates.add((site, item.feed))
        builder.state_writes += change_commands(site, item.fetched_at.timestamp())
        log.warning(
            "site template changed", site=site, feed=item.feed, article_id=classified.candidate.article_id,
            next_step="see `copydesk site`; a site rule may help",
        )  # fmt: skip
    return votes, reset
