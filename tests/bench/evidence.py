"""What the stream's knowledge of a site adds: the pages of multi-page sites, one after the other, with it and without.

Scored are documents with eight earlier ones of their site.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from streams.settings import Settings
from tests.bench.clean import Judges, page_documents
from tests.bench.common import run, server
from tests.train.corpus import Document, dumps
from tests.train.score import summary, text_score
from workers.clean.article import decide, draft
from workers.evidence import PREFIX, Evidence, Question
from workers.service import prepared

EARLIER = 8


async def follow(settings: Settings, kind: str, documents: Sequence[tuple[Document, str]]) -> dict[str, Any]:
    """Return scores with and without evidence, and what the memory of it takes."""
    broker = await prepared(settings, settings.broker_url)
    judges, evidence = Judges(kind), Evidence(broker.state)
    before: Counter[str] = Counter()
    scores: dict[str, list[dict[str, float]]] = defaultdict(list)
    used = (await broker.state.info("memory"))["used_memory"]
    for document, data in documents:
        story, model = draft(data, kind), judges.of(document.site)
        [facts] = await evidence.recall([Question(document.site, frozenset(story.keys))])
        without, known = decide(story, None, model), decide(story, facts, model)
        if before[document.site] >= EARLIER:
            scores["without"].append(text_score(document, without.text))
            scores["with"].append(text_score(document, known.text))
        lines = () if facts.is_copy(known.steady) else known.steady
        await broker.publish([], evidence.remember(document.site, known.title, lines))
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
