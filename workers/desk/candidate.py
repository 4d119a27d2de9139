"""Items on their way through the desk."""

from collections.abc import Sequence
from typing import NamedTuple

from streams.brokers.base import ConsumedMessage
from streams.records import Item
from workers.clean.cleaner import CleanedContent
from workers.clean.document import BlockDocument
from workers.clean.site_facts import SiteFacts
from workers.clean.site_rules.collection import RuleSource
from workers.dedupe.classify import Classification
from workers.dedupe.known_items import ItemDigest, KnownItem
from workers.dedupe.site_history import SiteQuery
from workers.desk.cleaning_job import CleaningJob

NO_BLOCKS = BlockDocument("text", [])


class Candidate(NamedTuple):
    """A decoded item. *cpu_s*: CPU time that its blocks took.

    *slug_id*: id of the article by the number and the slug of its link; "" for other links. *era*: see `era_of`.
    *digest*, *known*: of an item without its link lists, and the result of an earlier item with that digest; then it
    has no blocks. *rules*: of its site. *job*: its cleaning in another process; then the document is empty.
    """

    message: ConsumedMessage
    item: Item
    article_id: str
    slug_id: str
    site_query: SiteQuery
    era: str = ""
    digest: ItemDigest | None = None
    known: KnownItem | None = None
    rules: Sequence[RuleSource] = ()
    document: BlockDocument = NO_BLOCKS
    cpu_s: float = 0.0
    job: CleaningJob | None = None


class ClassifiedItem(NamedTuple):
    """A cleaned item that is a new article or a revision. *cpu_s*: CPU time that blocks and cleaning took."""

    candidate: Candidate
    facts: SiteFacts
    content: CleanedContent
    fingerprint: bytes
    classification: Classification
    cpu_s: float
