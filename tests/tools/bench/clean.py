"""`make bench-clean`: compare the cleaner with other libraries on ../shared/corpus/pages, in one run.

`make train ARGS="--folds 3"` writes models that have not seen a document's site; the benchmark uses them if they exist.
Otherwise it uses the shipped model, which has seen all sites, and marks the result as `in_sample`.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
UNSOUND: set[str] = set()  # names of pages that do not contain their true text
Extract = Callable[[str], Sequence[str]]


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


def page_documents() -> Iterator[tuple[Document, str]]:
    """Yield pages as documents without blocks, with their HTML."""
    labels = label_rows()
    for group, name, html, truth in raw_pages():
        row = labels.get(f"{group}/{name}", {})
        site, clutter, neutral = row.get("site") or group, row.get("clutter", ()), row.get("neutral", ())
        yield (
            Document(f"{group}/{name}", site, group, [], [], [], [], NO_KNOWN_TEXT, truth, clutter, neutral),
            decode(html),
        )


def measure(step: int = 1) -> dict[str, Any]:
    """Return the scores of all libraries on pages, and of copydesk on text dumps, for every *step*-th document."""
    pages = list(page_documents())[::step]
    UNSOUND.update(document.name for document, html in pages if not has_sound_truth(html, document.truth))
    models = FoldModels("page")
    out: dict[str, Any] = {
        "unsound": sorted(UNSOUND),
        "pages": {
            "copydesk": _pages(
                pages, lambda html, model: clean_blocks(to_blocks(html, "page"), None, model).paragraphs, models
            )
        },
    }
    for name, extract in peers().items():
        out["pages"][name] = _pages(pages, lambda html, model, extract=extract: extract(html), models)
    models = FoldModels("text")
    texts = [(d, "\n".join(block.text for block in d.blocks)) for d in dumps()][::step]
    news = [t for t in texts if t[0].group != "wcxb"]
    out["text"] = {"in_sample": not models.complete}
    for name, documents in (
        ("news", news),
        ("multilingual", [t for t in news if t[0].group == "daniel"]),
        ("all", texts),
    ):
        out["text"][name] = _scores(
            documents, lambda data, model: clean_blocks(to_blocks(data, "text"), None, model).paragraphs, models
        )
    return out


def _pages(pages: Sequence[tuple[Document, str]], extract: Any, models: FoldModels) -> dict[str, Any]:
    out = {name: _scores([p for p in pages if p[0].group in sets], extract, models) for name, sets in GROUPS.items()}
    return {"in_sample": not models.complete, **out}


def _scores(documents: Sequence[tuple[Document, str]], extract: Any, models: FoldModels) -> dict[str, Any]:
    scores, costs, failed = [], [], 0
    agreements: dict[str, list[Agreement]] = {}
    f1: dict[str, list[float]] = {}
    sound: list[float] = []
    for document, data in documents:
        model = models.for_site(document.site)
        started = time.process_time()
        try:
            text = extract(data, model)
        except Exception:  # noqa: BLE001 - a library that fails on a page returns no text
            text, failed = [], failed + 1
        costs.append(1000 * (time.process_time() - started))
        scores.append(text_score(document, text))
        f1.setdefault(document.site, []).append(scores[-1]["f1"])
        if document.group == "scrapinghub":
            agreements.setdefault(document.site, []).append(agreement("\n".join(text), document.truth))
        if document.name not in UNSOUND:
            sound.append(scores[-1]["f1"])
    return {
        **summary(scores),
        "word_f1_interval": round(interval(f1, lambda values: statistics.mean(values) if values else 0.0), 4),
        "word_f1_sound": round(statistics.mean(sound), 4) if sound else 0.0,
        "official_f1": round(official_f1([a for values in agreements.values() for a in values]), 4),
        "official_f1_interval": round(interval(agreements, official_f1), 4),
        "cpu_ms_mean": round(statistics.mean(costs), 2),
        "cpu_ms_median": round(statistics.median(costs), 2),
        "failed": failed,
    }


def table(results: dict[str, Any]) -> str:
    """Return the results as a Markdown table."""
    rows = ["| input | library | word-F1 | ± | with sound truth | official F1 | ± | dirty % | sentences lost % | body words lost % | clutter words per 1,000 | perfect % | CPU ms |", "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    keys = ("word_f1", "word_f1_interval", "word_f1_sound", "official_f1", "official_f1_interval", "dirty_pct", "sentences_lost_pct", "body_words_lost_pct", "clutter_words_per_1000", "perfect_pct", "cpu_ms_median")  # fmt: skip
    for group in GROUPS:
        for library, scores in results["pages"].items():
            rows.append(
                f"| pages, {group} | {library} | " + " | ".join(_cell(scores[group], key) for key in keys) + " |"
            )
    for group in ("news", "multilingual", "all"):
        rows.append(
            f"| text dumps, {group} | copydesk | "
            + " | ".join(_cell(results["text"][group], key) for key in keys)
            + " |"
        )
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
    os.environ |= {"HTTP_PROXY": CLOSED_PORT, "HTTPS_PROXY": CLOSED_PORT}  # requests of a library fail at once
    results = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    (folder / f"clean-{datetime.now(UTC):%Y%m%dT%H%M%S}.json").write_text(json.dumps(results, indent=1))
    (folder / "clean.svg").write_text(plot(results))
    print(table(results))


if __name__ == "__main__":
    main()
