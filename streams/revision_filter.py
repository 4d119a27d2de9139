"""The last yielded revisions, to skip repeats."""

from collections import OrderedDict
from typing import Any

from streams.records import Article, NewsEvent

REMEMBERED_ARTICLES = 25_000  # 4 MB; a rebalance or another producer repeats far fewer articles


class RevisionFilter:
    """The last yielded revision of each article or event, for the most recent `REMEMBERED_ARTICLES` of them."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._latest)

    def check_and_record(self, record: Any) -> bool:
        """Return whether this or a later revision of the record was yielded before; record it otherwise."""
        if not isinstance(record, Article | NewsEvent):
            return False
        if record.revision <= self._latest.get(record.id, 0):
            return True
        self._latest[record.id] = record.revision
        self._latest.move_to_end(record.id)
        if len(self._latest) > REMEMBERED_ARTICLES:
            self._latest.popitem(last=False)
        return False

    def forget(self, record: Any) -> None:
        """Allow *record* to be yielded again because the program did not handle it."""
        if isinstance(record, Article | NewsEvent) and record.revision <= self._latest.get(record.id, 0):
            self._latest[record.id] = record.revision - 1
