"""Effect of the site history: clean the documents of each site in order, without it, with repeated lines, with evidence.

python -m tests.tools.bench.evidence             measure text dumps and pages
python -m tests.tools.bench.evidence train page  train a model without the measured sites, for the measurement

The scores include only documents with at least eight earlier documents of their site. Without trained models, the
shipped ones count, which have seen the sites.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.config.settings import Settings
from tests.support.server_commands import server_commands
from tests.tools.bench.clean import page_documents
from tests.tools.bench.common import run, server
from tests.tools.train.corpus import Document, dumps
from tests.tools.train.score import summary, text_score
from workers.clean.cleaner import clean_blocks
from workers.clean.document import to_blocks
from workers.clean.model.model import Model, load
from workers.clean.site_facts import CLUTTER_VOTE, SiteFacts, line_key
from workers.dedupe.site_history import PREFIX, SiteHistory, SiteQuery
from workers.services import connect

MIN_EARLIER = 8
FOLDER = Path("bench-results/evidence")
Input = tuple[Document, str]


def inputs(kind: str) -> list[Input]:
    """Return the documents of sites with more than MIN_EARLIER of them, in the order of their names."""
    texts = ((d, "\n".join(block.text for block in d.blocks)) for d in dumps())
    documents = list(texts if kind == "text" else page_documents())
    counts = Counter(document.site for document, _ in documents)
    return sorted((d for d in documents if counts[d[0].site] > MIN_EARLIER), key=lambda d: d[0].name)


def train(kind: str) -> None:
    """Train a model without the sites of `inputs`."""
    import msgspec
    from threadpoolctl import threadpool_limits

    from tests.tools.train.__main__ import COSTS, documents, more_samples
    from tests.tools.train.grow import PLANS, grow, make_sample, stored_model

    threadpool_limits(1)
    sites, html = {document.site for document, _ in inputs(kind)}, kind != "text"
    samples = [make_sample(document, html=html) for document in documents(kind) if document.site not in sites]
    block_cost, word_cost = COSTS[kind]
    trained = grow([*samples, *more_samples(kind)], PLANS[kind])
    model = stored_model(trained, html=html, block_cost=block_cost, word_cost=word_cost)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{kind}.msgpack").write_bytes(msgspec.msgpack.encode({kind: model}))


def unseen_model(kind: str) -> Model | None:
    """Return the model of `train`; None, for the shipped model, if there is none."""
    path = FOLDER / f"{kind}.msgpack"
    return load(path.read_bytes(), kind) if path.exists() else None


async def follow(settings: Settings, kind: str, documents: Sequence[Input]) -> dict[str, Any]:
    """Return the scores, and the size of the keys of the site history."""
    broker = await connect(settings, settings.broker_url)
    model, history = unseen_model(kind), SiteHistory(broker.state)
    before: Counter[str] = Counter()
    scores: dict[str, list[dict[str, float]]] = defaultdict(list)
    used = (await broker.state.info("memory"))["used_memory"]
    for document, data in documents:
        blocks = to_blocks(data, kind)
        [facts] = await history.get([SiteQuery(document.site, frozenset(blocks.line_keys))])
        content = clean_blocks(blocks, facts, model)
        if before[document.site] >= MIN_EARLIER:
            lines = {line_key(block.text) for block in blocks.blocks}
            repeats = {key: count % CLUTTER_VOTE for key, count in facts.counts.items() if key in lines}
            plain = SiteFacts(facts.headlines, repeats, facts.articles)
            for name, earlier in (("without", None), ("repeated lines", plain)):
                scores[name].append(text_score(document, clean_blocks(blocks, earlier, model).paragraphs))
            scores["evidence"].append(text_score(document, content.paragraphs))
        lines_of_story = () if facts.is_reprint(content.stable_lines) else content.stable_lines
        commands = history.record_commands(document.site, content.title, lines_of_story, content.evidence)
        await broker.publish([], commands)
        before[document.site] += 1
    used = (await broker.state.info("memory"))["used_memory"] - used
    keys = [key async for key in server_commands(broker.state).scan_iter(f"{PREFIX}:*", count=1000)]
    await broker.close()
    return {
        "in_sample": model is None, **{name: summary(rows) for name, rows in scores.items()},
        "memory": {"articles": before.total(), "sites": len(before), "keys": len(keys), "bytes_an_article": round(used / before.total())},
    }  # fmt: skip


def measure() -> dict[str, Any]:
    """Return the scores on text dumps and on pages."""
    out = {}
    for kind in ("text", "page"):
        documents = inputs(kind)
        with server() as settings:
            out[kind] = run(lambda s=settings, k=kind, d=documents: follow(s, k, d))  # type: ignore[misc]
    return out


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(sys.argv[2])
    else:
        print(json.dumps(measure(), indent=1))
    sys.exit(0)
