"""`make train`: train the cleaner's model from ../shared/corpus/pages. The same data gives the same bytes.

make train                          train all three input types; write workers/clean/model/model.msgpack
make train ARGS="--folds 3"         first cross-validate by site; write tests/tools/train/curve.json
make train ARGS="--folds 3 --kinds text --no-model --parts 0"
                                    train the first of three models for the cross-validation only; `--parts` without a
                                    number writes the curve of the models that exist
make train ARGS="--kinds page --networks 0"
                                    train pages without networks beside the trees
make train ARGS="--kinds page --take FILE"
                                    take the model of pages from FILE, which `make train` wrote elsewhere
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from tests.tools.train.corpus import FOLDS, FOLDS_SALT, Document, dumps, fold_of, fragment, pages, scored
from tests.tools.train.dumps.bank import bank_lines
from tests.tools.train.dumps.excerpts import excerpts
from tests.tools.train.dumps.generate import synthetic
from tests.tools.train.dumps.templates import variants
from tests.tools.train.feeds.captured import captured_documents
from tests.tools.train.feeds.items import feed_documents
from tests.tools.train.grow import PLANS, Plan, Sample, Sentences, grow, make_sample, make_sentences, stored_model
from tests.tools.train.model_file import KINDS, read_models, replace_models
from tests.tools.train.score import summary, text_score
from workers.clean.line_types import word_count
from workers.clean.model.model import FILE, load

SYNTHETIC_DUMPS = 2000
VARIANTS = 4  # of each invented dump of `dumps/templates.py`
DUMP_LINE_WEIGHT = 1.0  # in the training of the word weights of feeds
CURVE = Path(__file__).with_name("curve.json")
# Costs (block, word): a block stays if p × words > (1 − p) × (block + words × word). Chosen from the curve: the least
# clutter at which lost words of body text stay near the best peer's. Feeds may lose hardly any.
COSTS = {"text": (8.0, 0.5), "html": (0.0, 0.2), "page": (15.0, 0.5)}
GRID = tuple((left, word) for word in (0.35, 0.5, 1.0, 2.0) for left in (0.0, 4.0, 8.0, 15.0, 30.0, 60.0))


def documents(kind: str) -> Iterator[Document]:
    """Yield the documents of an input type, in the order of the files."""
    if kind == "text":
        yield from dumps()
    elif kind == "page":
        yield from filter(lambda document: document.blocks, map(scored, pages()))
    else:
        yield from filter(None, map(fragment, pages()))


def more_samples(kind: str) -> list[Sample]:
    """Return the samples that only take part in training: invented dumps for text, feed items for HTML."""
    if kind == "html":
        return [make_sample(document, html=True) for document in (*feed_documents(), *captured_documents())]
    if kind != "text":
        return []
    more = (*synthetic(SYNTHETIC_DUMPS), *variants(VARIANTS), *excerpts(dumps()))
    return [make_sample(document, html=False) for document in more]


def more_sentences(kind: str) -> list[Sentences]:
    """Return the sentences that train the word weights only. Lines of dumps teach those of feeds."""
    if kind == "text":
        return [make_sentences(bank_lines())]
    return [make_sentences(dump_lines(), DUMP_LINE_WEIGHT)] if kind == "html" else []


def dump_lines() -> list[tuple[str, bool]]:
    """Return the different lines of the invented dumps and of the bank, each with whether it is body text."""
    labelled = (zip(d.blocks, d.body, d.trust, strict=True) for d in variants(1))
    lines = [(block.text, bool(is_body)) for rows in labelled for block, is_body, trust in rows if trust > 0]
    return list(dict.fromkeys((*lines, *bank_lines())))


def curve(predicted: Sequence[tuple[Document, Any]]) -> list[dict[str, float]]:
    """Return the scores for each pair of costs. *predicted*: documents with probabilities of models that lack them."""
    out = []
    for block_cost, word_cost in GRID:
        scores = [text_score(d, _kept_lines(d, p, block_cost, word_cost)) for d, p in predicted]
        out.append({"clutter_block_cost": block_cost, "clutter_word_cost": word_cost, **summary(scores)})
    return out


def _kept_lines(document: Document, p: Any, block_cost: float, word_cost: float) -> list[str]:
    words = np.array([word_count(block.text) for block in document.blocks])
    keep = p * words > (1 - p) * (block_cost + words * word_cost)
    return [block.text for block, k in zip(document.blocks, keep, strict=True) if k]


def fold_file(kind: str, fold: int, folds: int) -> Path:
    """Return the file of the model that has not seen the sites of *fold*."""
    return FOLDS / f"{kind}-{fold}-of-{folds}.msgpack"


def plan_of(kind: str, networks: int | None) -> Plan:
    """Return the plan of *kind*, with so many *networks*."""
    plan = PLANS[kind]
    return plan if networks is None else plan._replace(seeds=tuple(range(1, networks + 1)))


def train_folds(kind: str, plan: Plan, folds: int, parts: Sequence[int]) -> None:
    """Write a model for each fold in *parts* that has not seen the sites of this fold."""
    training = [*(make_sample(document, html=kind != "text") for document in documents(kind)), *more_samples(kind)]
    block_cost, word_cost = COSTS[kind]
    FOLDS.mkdir(parents=True, exist_ok=True)
    for fold in parts:
        seen = [s for s in training if fold_of(s.site, folds, FOLDS_SALT) != fold]
        trained = grow(seen, plan, more_sentences(kind))
        model = stored_model(trained, html=kind != "text", block_cost=block_cost, word_cost=word_cost)
        fold_file(kind, fold, folds).write_bytes(msgspec.msgpack.encode({kind: model}))
        print(f"{kind}: fold {fold + 1} of {folds}", file=sys.stderr, flush=True)


def validated_curves(kind: str, folds: int) -> dict[str, Any]:
    """Return the curves of *kind* by group of documents. Each document has the probabilities of its fold's model."""
    models = [load(fold_file(kind, fold, folds).read_bytes(), kind) for fold in range(folds)]
    predicted = [
        (d, np.array(models[fold_of(d.site, folds, FOLDS_SALT)].predict(d.blocks, d.known_text).body))
        for d in documents(kind)
    ]
    groups: dict[str, Callable[[str], bool]] = {"news": lambda g: g != "wcxb", "multilingual": lambda g: g == "daniel", "other": lambda g: g == "wcxb",
              "core": lambda g: g in ("scrapinghub", "fundus_eval", "fundus_fix", "andythe")}  # fmt: skip
    return {name: curve([p for p in predicted if in_group(p[0].group)]) for name, in_group in groups.items()}


def _format_curves(curves: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    kinds = []
    for kind, groups in curves.items():
        rows = [
            f'  "{name}": [\n   ' + ",\n   ".join(map(json.dumps, points)) + "\n  ]" for name, points in groups.items()
        ]
        kinds.append(f' "{kind}": {{\n' + ",\n".join(rows) + "\n }")
    return "{\n" + ",\n".join(kinds) + "\n}\n"


def main() -> int:
    """Cross-validate and train the input types of the command line."""
    parser = argparse.ArgumentParser("make train")
    parser.add_argument("--folds", type=int, default=0, help="number of folds of the cross-validation by site")
    parser.add_argument(
        "--parts", type=int, nargs="*", help="of the cross-validation: the folds to train; none: the curve only"
    )
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--networks", type=int, help="number of networks; the default is that of the plan")
    parser.add_argument("--no-model", action="store_true", help="only cross-validate")
    parser.add_argument("--take", type=Path, help="take the models of --kinds from this file instead of training them")
    args = parser.parse_args()
    if args.take is not None:
        models = read_models(args.take)
        replace_models({kind: models[kind] for kind in args.kinds}, FILE)
        return 0
    plans = {kind: plan_of(kind, args.networks) for kind in args.kinds}
    threadpool_limits(1)  # on more threads the order of BLAS's additions varies, and so do the bytes
    started_s = time.monotonic()
    for kind in args.kinds if args.folds else ():
        parts = range(args.folds) if args.parts is None else args.parts
        if parts:
            train_folds(kind, plans[kind], args.folds, parts)
        if args.parts:
            continue  # one part of several
        validated = validated_curves(kind, args.folds)
        curves = json.loads(CURVE.read_text()) if CURVE.exists() else {}  # read late: other processes write it too
        CURVE.write_text(_format_curves(curves | {kind: validated}))
    for kind in args.kinds if not args.no_model else ():
        html = kind != "text"
        samples = [make_sample(document, html=html) for document in documents(kind)]
        trained = grow([*samples, *more_samples(kind)], plans[kind], more_sentences(kind))
        block_cost, word_cost = COSTS[kind]
        replace_models({kind: stored_model(trained, html=html, block_cost=block_cost, word_cost=word_cost)}, FILE)
        print(f"{kind}: {time.monotonic() - started_s:.0f} s, {FILE.stat().st_size} bytes", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
