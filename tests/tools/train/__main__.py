"""`make train`: train the cleaner's model from ../shared/corpus/pages. The same data gives the same bytes.

make train                          train all three input types; write workers/clean/model/model.msgpack
make train ARGS="--folds 5"         first cross-validate by site; write tests/tools/train/curve.json
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
from tests.tools.train.dumps.generate import synthetic
from tests.tools.train.dumps.templates import variants
from tests.tools.train.grow import PLANS, Sample, grow, make_sample, probabilities, stored_model
from tests.tools.train.score import summary, text_score
from workers.clean.line_types import word_count
from workers.clean.model.model import FILE, StoredModel

KINDS = ("text", "html", "page")
SYNTHETIC_DUMPS = 4000
VARIANTS = 20  # of each invented dump of `dumps/templates.py`
CURVE = Path(__file__).with_name("curve.json")
# Costs (block, word): a block stays if p × words > (1 − p) × (block + words × word). Chosen from the curve: the least
# clutter at which lost words of body text stay near the best peer's. Feeds may lose hardly any.
COSTS = {"text": (15.0, 0.5), "html": (0.0, 0.2), "page": (15.0, 0.5)}
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
    """Return the samples that only take part in training: for text, the synthetic dumps."""
    if kind != "text":
        return []
    return [make_sample(d, html=False) for d in (*synthetic(SYNTHETIC_DUMPS), *variants(VARIANTS))]


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


def cross_validate(kind: str, folds: int, only: int) -> dict[str, Any]:
    """Return the curves of *kind* by group of documents, cross-validated by site. *only*: stop after so many folds."""
    predicted = []
    all_documents = list(documents(kind))
    samples = [make_sample(d, html=kind != "text") for d in all_documents]
    training = [*samples, *more_samples(kind)]
    for fold in range(min(folds, only or folds)):
        trained = grow([s for s in training if fold_of(s.site, folds, FOLDS_SALT) != fold], PLANS[kind])
        block_cost, word_cost = COSTS[kind]
        model = stored_model(trained, html=kind != "text", block_cost=block_cost, word_cost=word_cost)
        FOLDS.mkdir(parents=True, exist_ok=True)
        (FOLDS / f"{kind}-{fold}-of-{folds}.msgpack").write_bytes(msgspec.msgpack.encode({kind: model}))
        for d, s in zip(all_documents, samples, strict=True):
            if fold_of(s.site, folds, FOLDS_SALT) == fold:
                predicted.append((d, probabilities(trained, s)))
        print(f"{kind}: fold {fold + 1} of {folds}", file=sys.stderr, flush=True)
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
    parser.add_argument("--only", type=int, default=0, help="stop the cross-validation after so many folds")
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--no-model", action="store_true", help="only cross-validate")
    args = parser.parse_args()
    threadpool_limits(1)  # on more threads the order of BLAS's additions varies, and so do the bytes
    started_s = time.monotonic()
    for kind in args.kinds if args.folds else ():
        validated = cross_validate(kind, args.folds, args.only)
        curves = json.loads(CURVE.read_text()) if CURVE.exists() else {}  # read late: other processes write it too
        CURVE.write_text(_format_curves(curves | {kind: validated}))
    for kind in args.kinds if not args.no_model else ():
        html = kind != "text"
        samples = [make_sample(document, html=html) for document in documents(kind)]
        trained = grow([*samples, *more_samples(kind)], PLANS[kind])
        block_cost, word_cost = COSTS[kind]
        models = msgspec.msgpack.decode(FILE.read_bytes(), type=dict[str, StoredModel]) if FILE.exists() else {}
        models[kind] = stored_model(trained, html=html, block_cost=block_cost, word_cost=word_cost)
        FILE.write_bytes(msgspec.msgpack.encode({name: models[name] for name in KINDS if name in models}))
        print(f"{kind}: {time.monotonic() - started_s:.0f} s, {FILE.stat().st_size} bytes", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
