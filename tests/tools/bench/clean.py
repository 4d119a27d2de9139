"""`make bench-clean`: compare the cleaner with other libraries on ../shared/corpus/pages, in one run.

`make train ARGS="--folds 3"` writes models that have not seen a document's site; the benchmark uses them if they exist.
Otherwise it uses the shipped model, which has seen all sites, and marks the result as `in_sample`.

The result of each document is kept in a file per library, and an interrupted run goes on there:

make bench-clean ARGS="--rows FOLDER --only trafilatura resiliparse"
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.tools.bench.evaluation import Agreement, agreement, has_sound_truth, interval, official_f1
from tests.tools.train.corpus import FOLDS, FOLDS_SALT, Document, dumps, fold_of, label_rows, raw_pages
from tests.tools.train.score import summary, text_score
from workers.clean.cleaner import clean_blocks
from workers.clean.document import to_blocks
from workers.clean.metadata import NO_KNOWN_TEXT
from workers.clean.model.model import Model, load
from workers.text.encoding import decode

GROUPS = {
    "core": ("scrapinghub", "fundus_eval", "fundus_fix", "andythe"),
    "multilingual": ("daniel",),
    "other": ("wcxb", "newspaper3k", "newspaper4k", "cleanportal"),
}
# Of five settings the best on 59 core pages: word-F1 .950, against .936 by default and .922 without `post_meta`.
RESILIPARSE: dict[str, Any] = {"main_content": True, "comments": False, "list_bullets": False, "alt_texts": False}
CLOSED_PORT = "http://127.0.0.1:9"
# Figures with a confidence interval: two keys of `text_score`, whose sums are divided.
INTERVALS = {"word_f1": (1, "f1", "documents"), "dirty_pct": (100, "dirty", "documents"), "sentences_lost_pct": (100, "sentences_lost", "sentences")}  # fmt: skip
ROWS = Path("bench-results/clean")
Extract = Callable[[str], Sequence[str]]
Input = tuple[Document, str]


def peers() -> dict[str, Extract]:
    """Return the peers that are installed, at their best settings for articles without comments."""
    out: dict[str, Extract] = {}
    try:
        import trafilatura

        out["trafilatura"] = lambda html: _lines(trafilatura.extract(html, include_comments=False))
        out["trafilatura, precision"] = lambda html: _lines(
            trafilatura.extract(html, include_comments=False, favor_precision=True)
        )
    except ImportError:
        pass
    try:
        from lxml.html import fromstring
        from readability import Document as Readable

        out["readability-lxml"] = lambda html: _lines(fromstring(Readable(html).summary()).text_content())  # type: ignore[attr-defined]
    except ImportError:
        pass
    try:
        from resiliparse.extract.html2text import extract_plain_text

        out["resiliparse"] = lambda html: _lines(extract_plain_text(html, **RESILIPARSE))
    except ImportError:
        pass
    try:
        from newspaper import Article

        out["newspaper4k"] = lambda html: _lines(_newspaper(Article, html))
    except ImportError:
        pass
    return out


def _newspaper(article: Any, html: str) -> str:
    page = article("https://a.example/", fetch_images=False)  # no network access
    page.download(input_html=html)
    page.parse()
    return str(page.text)


def _lines(text: str | None) -> list[str]:
    return [line for line in (text or "").split("\n") if line.strip()]


class FoldModels:
    """The models of the cross-validation, each trained without the sites of one fold."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.models: dict[int, Model] = {}
        for path in sorted(FOLDS.glob(f"{kind}-*.msgpack")):
            fold, _, folds = path.stem.removeprefix(f"{kind}-").split("-")
            self.folds = int(folds)
            self.models[int(fold)] = load(path.read_bytes(), kind)

    @property
    def complete(self) -> bool:
        """Whether every fold has a model."""
        return bool(self.models) and len(self.models) == self.folds

    def for_site(self, site: str) -> Model | None:
        """Return the model that has not seen *site*; None means the shipped model."""
        return self.models[fold_of(site, self.folds, FOLDS_SALT)] if self.complete else None


def page_documents() -> Iterator[Input]:
    """Yield pages as documents without blocks, with their HTML."""
    labels = label_rows()
    for group, name, html, truth in raw_pages():
        row = labels.get(f"{group}/{name}", {})
        site, clutter, neutral = row.get("site") or group, row.get("clutter", ()), row.get("neutral", ())
        yield (
            Document(f"{group}/{name}", site, group, [], [], [], [], NO_KNOWN_TEXT, truth, clutter, neutral),
            decode(html),
        )


class Row(msgspec.Struct, frozen=True):
    """The result of a library on a document. *agreement* is that of the scrapinghub benchmark, for its pages."""

    name: str
    site: str
    group: str
    score: dict[str, float]
    agreement: Agreement | None
    cpu_ms: float
    failed: bool


class Rows:
    """The rows of one library in a file, so that an interrupted benchmark goes on where it ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_bytes().splitlines() if path.exists() else []
        rows = [msgspec.json.decode(line, type=Row) for line in lines]
        self.by_name = {row.name: row for row in rows}

    def of(self, documents: Sequence[Input], extract: Any, models: FoldModels) -> list[Row]:
        """Return the rows of *documents*; measure the missing ones."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            for document, data in documents:
                if document.name not in self.by_name:
                    row = _row(document, data, extract, models.for_site(document.site))
                    self.by_name[document.name] = row
                    file.write(msgspec.json.encode(row) + b"\n")
                    file.flush()
        return [self.by_name[document.name] for document, _ in documents]


def _row(document: Document, data: str, extract: Any, model: Model | None) -> Row:
    started, failed = time.process_time(), False
    try:
        text = extract(data, model)
    except Exception:  # noqa: BLE001 - a library that fails on a page returns no text
        text, failed = [], True
    cpu_ms = 1000 * (time.process_time() - started)
    is_official = document.group == "scrapinghub"
    agrees = agreement("\n".join(text), document.truth) if is_official else None
    return Row(document.name, document.site, document.group, text_score(document, text), agrees, cpu_ms, failed)


def measure(step: int, folder: Path, only: Sequence[str]) -> dict[str, Any]:
    """Return the scores on every *step*-th document: all libraries on pages, and copydesk on text dumps.

    *folder*: of the rows. *only*: names of libraries; `dumps` stands for the text dumps.
    """
    models = {kind: FoldModels(kind) for kind in ("page", "text")}
    pages = list(page_documents())[::step]
    extracts: dict[str, Any] = {"copydesk": lambda html, model: _paragraphs(html, "page", model)}
    extracts |= {name: lambda html, _, extract=extract: extract(html) for name, extract in peers().items()}
    unsound = _unsound(pages, folder / "unsound.json")
    out: dict[str, Any] = {"unsound": sorted(unsound), "pages": {}}
    for name, extract in extracts.items():
        if not only or name in only:
            rows = Rows(folder / f"{name}.jsonl").of(pages, extract, models["page"])
            by_group = {group: [row for row in rows if row.group in sets] for group, sets in GROUPS.items()}
            scores = {group: _summary(some, unsound) for group, some in by_group.items() if some}
            out["pages"][name] = {"in_sample": name == "copydesk" and not models["page"].complete, **scores}
    if not only or "dumps" in only:
        texts = [(d, "\n".join(block.text for block in d.blocks)) for d in dumps()][::step]
        rows = Rows(folder / "dumps.jsonl").of(texts, lambda data, m: _paragraphs(data, "text", m), models["text"])
        news = [row for row in rows if row.group != "wcxb"]
        of_groups = {"news": news, "multilingual": [row for row in news if row.group == "daniel"], "all": rows}
        out["text"] = {name: _summary(some, set()) for name, some in of_groups.items() if some}
        out["text"]["in_sample"] = not models["text"].complete
    return out


def _paragraphs(data: str, kind: str, model: Model | None) -> Sequence[str]:
    return clean_blocks(to_blocks(data, kind), None, model).paragraphs


def _unsound(pages: Sequence[Input], path: Path) -> set[str]:
    """Return the names of the pages that do not contain their true text. *path*: the file of earlier answers."""
    answers: dict[str, bool] = json.loads(path.read_text()) if path.exists() else {}
    missing = [(document, html) for document, html in pages if document.name not in answers]
    answers |= {document.name: has_sound_truth(html, document.truth) for document, html in missing}
    if missing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(answers))
    return {document.name for document, _ in pages if not answers[document.name]}


def _summary(rows: Sequence[Row], unsound: Container[str]) -> dict[str, Any]:
    agreements: dict[str, list[Agreement]] = {}
    by_site: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        counts = {"documents": 1, "dirty": float(row.score["left"] > 0)}
        by_site.setdefault(row.site, []).append(row.score | counts)
        if row.agreement is not None:
            agreements.setdefault(row.site, []).append(row.agreement)
    sound = [row.score["f1"] for row in rows if row.name not in unsound]
    costs = [row.cpu_ms for row in rows]
    return {
        **summary([row.score for row in rows]),
        **{f"{name}_interval": round(interval(by_site, _ratio(*keys)), 4) for name, keys in INTERVALS.items()},
        "word_f1_sound": round(statistics.mean(sound), 4) if sound else 0.0,
        "official_f1": round(official_f1([a for values in agreements.values() for a in values]), 4),
        "official_f1_interval": round(interval(agreements, official_f1), 4),
        "cpu_ms_mean": round(statistics.mean(costs), 2),
        "cpu_ms_median": round(statistics.median(costs), 2),
        "failed": sum(row.failed for row in rows),
    }


def _ratio(factor: int, numerator: str, denominator: str) -> Callable[[Sequence[dict[str, float]]], float]:
    def figure(scores: Sequence[dict[str, float]]) -> float:
        total = sum([score[denominator] for score in scores])
        return factor * sum([score[numerator] for score in scores]) / total if total else 0.0

    return figure


def table(results: dict[str, Any]) -> str:
    """Return the results as a Markdown table."""
    rows = ["| input | library | word-F1 | ± | with sound truth | official F1 | ± | dirty % | ± | sentences lost % | ± | body words lost % | clutter words per 1,000 | perfect % | CPU ms |", "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    keys = ("word_f1", "word_f1_interval", "word_f1_sound", "official_f1", "official_f1_interval", "dirty_pct", "dirty_pct_interval", "sentences_lost_pct", "sentences_lost_pct_interval", "body_words_lost_pct", "clutter_words_per_1000", "perfect_pct", "cpu_ms_median")  # fmt: skip

    def add(label: str, library: str, scores: dict[str, Any] | None) -> None:
        if scores is not None:
            rows.append(f"| {label} | {library} | " + " | ".join(_cell(scores, key) for key in keys) + " |")

    for group in GROUPS:
        for library, scores in results["pages"].items():
            add(f"pages, {group}", library, scores.get(group))
    for group in ("news", "multilingual", "all"):
        add(f"text dumps, {group}", "copydesk", results.get("text", {}).get(group))
    return "\n".join(rows)


def _cell(scores: dict[str, Any], key: str) -> str:
    is_missing = key.startswith("official") and not scores["official_f1"]
    return "" if is_missing else str(scores[key])


def plot(results: dict[str, Any], group: str = "core") -> str:
    """Return an SVG chart: lost sentences (x) against pages with clutter (y). The best library is at the origin."""
    points = [
        (library, scores[group]["sentences_lost_pct"], scores[group]["dirty_pct"])
        for library, scores in results["pages"].items()
    ]
    right, top = max(5.0, *(p[1] for p in points)) * 1.15, max(10.0, *(p[2] for p in points)) * 1.15
    marks = [
        f'<circle cx="{60 + 500 * x / right:.0f}" cy="{340 - 300 * y / top:.0f}" r="5" fill="{"#c33" if library == "copydesk" else "#567"}"/>'
        f'<text x="{68 + 500 * x / right:.0f}" y="{344 - 300 * y / top:.0f}">{library} ({x} %, {y} %)</text>'
        for library, x, y in points
    ]
    axes = (
        '<path d="M60 30V340H580" fill="none" stroke="#999"/><text x="330" y="375">sentences of the story lost</text>'
    )
    side = '<text transform="translate(40 260) rotate(-90)">pages with clutter left</text>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 390" font-family="sans-serif" font-size="12">{axes}{side}{"".join(marks)}</svg>\n'  # fmt: skip


def main() -> None:
    """Measure, print the table, and write JSON and chart to bench-results/."""
    parser = argparse.ArgumentParser("make bench-clean")
    parser.add_argument("step", nargs="?", type=int, default=1, help="measure every STEP-th document")
    parser.add_argument("--rows", type=Path, help="keep the result of each document here, and take those that are here")
    parser.add_argument("--only", nargs="*", default=(), help="libraries; `dumps` for text dumps")
    args = parser.parse_args()
    os.environ |= {"HTTP_PROXY": CLOSED_PORT, "HTTPS_PROXY": CLOSED_PORT}  # requests of a library fail at once
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    results = measure(args.step, args.rows or ROWS / started, args.only)
    ROWS.mkdir(parents=True, exist_ok=True)
    (ROWS.parent / f"clean-{started}.json").write_text(json.dumps(results, indent=1))
    if results["pages"]:
        (ROWS.parent / "clean.svg").write_text(plot(results))
    print(table(results))


if __name__ == "__main__":
    main()
