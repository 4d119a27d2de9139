"""`make train`: the cleaner's model from ../shared/corpus/pages, the same bytes from the same data.

make train                          all three kinds, written to workers/clean/model/model.msgpack
make train ARGS="--folds 5"         first, by site, what it comes to on sites that it hasn't seen: tests/tools/train/curve.json
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from tests.tools.train.corpus import FOLDS, FOLDS_SALT, Document, dumps, fragment, pages, part
from tests.tools.train.grow import TREES, grow, probabilities, sample, stored
from tests.tools.train.score import summary, text_score
from workers.clean.line_types import word_count
from workers.clean.model.model import FILE, StoredModel

KINDS = ("text", "html", "page")
CURVE = Path(__file__).with_name("curve.json")
# What is decided by the probabilities: a block stays when p × words > (1 − p) × (left + words × word). From the curve:
# the least clutter for which body words lost stay near what the best peer loses; for feeds, hardly any may be lost.
COSTS = {"text": (15.0, 0.5), "html": (0.0, 0.2), "page": (15.0, 0.5)}
GRID = tuple((left, word) for word in (0.35, 0.5, 1.0, 2.0) for left in (0.0, 4.0, 8.0, 15.0, 30.0, 60.0))


def documents(kind: str) -> Iterator[Document]:
    """Yield the documents of a kind, in the order of the files."""
    if kind == "text":
        yield from dumps()
    elif kind == "page":
        yield from pages()
    else:
        yield from filter(None, map(fragment, pages()))


def curve(found: Sequence[tuple[Document, Any]]) -> list[dict[str, float]]:
    """Return what each pair of costs comes to, on documents that the model hadn't seen."""
    out = []
    for left, word in GRID:
        scores = [text_score(d, _kept(d, p, left, word)) for d, p in found]
        out.append({"left_cost": left, "word_cost": word, **summary(scores)})
    return out


def _kept(document: Document, p: Any, left: float, word: float) -> list[str]:
    words = np.array([word_count(block.text) for block in document.blocks])
    keep = p * words > (1 - p) * (left + words * word)
    return [block.text for block, k in zip(document.blocks, keep, strict=True) if k]


def validated(kind: str, folds: int, only: int) -> dict[str, Any]:
    """Return the curves of *kind* by group of documents, cross-validated by site in so many folds."""
    found = []
    all_documents = list(documents(kind))
    samples = [sample(d, html=kind != "text") for d in all_documents]
    for fold in range(min(folds, only or folds)):
        grown = grow([s for s in samples if part(s.site, folds, FOLDS_SALT) != fold], TREES[kind])
        left, word = COSTS[kind]
        model = stored(grown, html=kind != "text", left_cost=left, word_cost=word)
        FOLDS.mkdir(parents=True, exist_ok=True)
        (FOLDS / f"{kind}-{fold}-of-{folds}.msgpack").write_bytes(msgspec.msgpack.encode({kind: model}))
        for d, s in zip(all_documents, samples, strict=True):
            if part(s.site, folds, FOLDS_SALT) == fold:
                found.append((d, probabilities(grown, s)))
        print(f"{kind}: fold {fold + 1} of {folds}", file=sys.stderr, flush=True)
    groups = {"news": lambda g: g != "wcxb", "multilingual": lambda g: g == "daniel", "other": lambda g: g == "wcxb",
              "core": lambda g: g in ("scrapinghub", "fundus_eval", "fundus_fix", "andythe")}  # fmt: skip
    return {name: curve([f for f in found if of(f[0].group)]) for name, of in groups.items()}


def _a_line_a_row(curves: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    kinds = []
    for kind, groups in curves.items():
        rows = [
            f'  "{name}": [\n   ' + ",\n   ".join(map(json.dumps, points)) + "\n  ]" for name, points in groups.items()
        ]
        kinds.append(f' "{kind}": {{\n' + ",\n".join(rows) + "\n }")
    return "{\n" + ",\n".join(kinds) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser("make train")
    parser.add_argument("--folds", type=int, default=0, help="cross-validate by site in so many parts")
    parser.add_argument("--only", type=int, default=0, help="stop after so many of them")
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--no-model", action="store_true", help="only cross-validate")
    args = parser.parse_args()
    threadpool_limits(1)  # BLAS adds up in another order on more threads, and gives other bytes
    started_s = time.monotonic()
    for kind in args.kinds if args.folds else ():
        found = validated(kind, args.folds, args.only)
        curves = json.loads(CURVE.read_text()) if CURVE.exists() else {}  # now: another kind's may have come meanwhile
        CURVE.write_text(_a_line_a_row(curves | {kind: found}))
    for kind in args.kinds if not args.no_model else ():
        html = kind != "text"
        grown = grow([sample(document, html=html) for document in documents(kind)], TREES[kind])
        left, word = COSTS[kind]
        models = msgspec.msgpack.decode(FILE.read_bytes(), type=dict[str, StoredModel]) if FILE.exists() else {}
        models[kind] = stored(grown, html=html, left_cost=left, word_cost=word)
        FILE.write_bytes(msgspec.msgpack.encode({name: models[name] for name in KINDS if name in models}))
        print(f"{kind}: {time.monotonic() - started_s:.0f} s, {FILE.stat().st_size} bytes", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
