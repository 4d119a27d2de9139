"""Effect of the site history: clean the documents of each site in order, with the history and without it.

The scores include only documents with at least eight earlier documents of their site.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from streams.config.settings import Settings
from tests.support.server_commands import server_commands
from tests.tools.bench.clean import FoldModels, page_documents
from tests.tools.bench.common import run, server
from tests.tools.train.corpus import Document, dumps
from tests.tools.train.score import summary, text_score
from workers.clean.cleaner import clean_blocks
from workers.clean.document import to_blocks
from workers.dedupe.site_history import PREFIX, SiteHistory, SiteQuery
from workers.services import connect

MIN_EARLIER = 8


async def follow(settings: Settings, kind: str, documents: Sequence[tuple[Document, str]]) -> dict[str, Any]:
    """Return scores with and without the site history, and the size of its keys."""
    broker = await connect(settings, settings.broker_url)
    models, history = FoldModels(kind), SiteHistory(broker.state)
    before: Counter[str] = Counter()
    scores: dict[str, list[dict[str, float]]] = defaultdict(list)
    used = (await broker.state.info("memory"))["used_memory"]
    for document, data in documents:
        blocks, model = to_blocks(data, kind), models.for_site(document.site)
        [facts] = await history.lookup([SiteQuery(document.site, frozenset(blocks.line_keys))])
        without, with_history = clean_blocks(blocks, None, model), clean_blocks(blocks, facts, model)
        if before[document.site] >= MIN_EARLIER:
            scores["without"].append(text_score(document, without.paragraphs))
            scores["with"].append(text_score(document, with_history.paragraphs))
        lines = () if facts.is_reprint(with_history.stable_lines) else with_history.stable_lines
        await broker.publish([], history.record_commands(document.site, with_history.title, lines))
        before[document.site] += 1
    used = (await broker.state.info("memory"))["used_memory"] - used
    keys = [key async for key in server_commands(broker.state).scan_iter(f"{PREFIX}:*", count=1000)]
    await broker.close()
    return {
        "in_sample": not models.complete, **{name: summary(rows) for name, rows in scores.items()},
        "memory": {"articles": before.total(), "sites": len(before), "keys": len(keys), "bytes_an_article": round(used / before.total())},
    }  # fmt: skip


def measure() -> dict[str, Any]:
    """Return the scores on text dumps and on pages."""
    texts = [(d, "\n".join(block.text for block in d.blocks)) for d in dumps()]
    out = {}
    for kind, documents in (("text", texts), ("page", list(page_documents()))):
        ordered = sorted(documents, key=lambda d: d[0].name)
        with server() as settings:
            out[kind] = run(lambda s=settings, k=kind, o=ordered: follow(s, k, o))  # type: ignore[misc]
    return out


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
    sys.exit(0)
