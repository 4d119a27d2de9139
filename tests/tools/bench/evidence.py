"""What the stream's knowledge of a site adds: the pages of multi-page sites, one after the other, with it and without.

Scored are documents with eight earlier ones of their site.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from streams.config.settings import Settings
from tests.tools.bench.clean import Judges, page_documents
from tests.tools.bench.common import run, server
from tests.tools.train.corpus import Document, dumps
from tests.tools.train.score import summary, text_score
from workers.clean.cleaner import clean_blocks, to_blocks
from workers.desk.site_history import PREFIX, SiteHistory, SiteQuery
from workers.services import connect

EARLIER = 8


async def follow(settings: Settings, kind: str, documents: Sequence[tuple[Document, str]]) -> dict[str, Any]:
    """Return scores with and without evidence, and what the memory of it takes."""
    broker = await connect(settings, settings.broker_url)
    judges, evidence = Judges(kind), SiteHistory(broker.state)
    before: Counter[str] = Counter()
    scores: dict[str, list[dict[str, float]]] = defaultdict(list)
    used = (await broker.state.info("memory"))["used_memory"]
    for document, data in documents:
        story, model = to_blocks(data, kind), judges.of(document.site)
        [facts] = await evidence.lookup([SiteQuery(document.site, frozenset(story.line_keys))])
        without, known = clean_blocks(story, None, model), clean_blocks(story, facts, model)
        if before[document.site] >= EARLIER:
            scores["without"].append(text_score(document, without.paragraphs))
            scores["with"].append(text_score(document, known.paragraphs))
        lines = () if facts.is_reprint(known.stable_lines) else known.stable_lines
        await broker.publish([], evidence.record_commands(document.site, known.title, lines))
        before[document.site] += 1
    used = (await broker.state.info("memory"))["used_memory"] - used
    keys = [key async for key in broker.state.scan_iter(f"{PREFIX}:*", count=1000)]
    await broker.close()
    return {
        "in_sample": not judges.complete, **{name: summary(rows) for name, rows in scores.items()},
        "memory": {"articles": before.total(), "sites": len(before), "keys": len(keys), "bytes_an_article": round(used / before.total())},
    }  # fmt: skip


def measure() -> dict[str, Any]:
    """Return what evidence adds on text dumps and on pages."""
    texts = [(d, "\n".join(block.text for block in d.blocks)) for d in dumps()]
    out = {}
    for kind, documents in (("text", texts), ("page", list(page_documents()))):
        ordered = sorted(documents, key=lambda d: d[0].name)
        with server() as settings:
            out[kind] = run(lambda s=settings, k=kind, o=ordered: follow(s, k, o))
    return out


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
    sys.exit(0)
