"""CPU time of the cleaner, in turn with trafilatura: `python -m tests.tools.bench.clean_cost [pages]`.

Pages are those of ../shared/corpus/pages, every PAGE_STEP-th. The items are invented.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.articles import HEADLINES, STORY
from tests.tools.train.corpus import PAGES, raw_pages
from workers.clean.cleaner import clean
from workers.text.encoding import decode

ITEM_ROUNDS = 100
PAGE_STEP = 12
CORE = frozenset(("scrapinghub", "fundus_eval", "fundus_fix", "andythe"))


def _paragraphs(count: int, seed: int) -> list[str]:
    words = " ".join(STORY).split()
    return [f"<p>{' '.join(words[n % 7 :])} It was day {n} of {seed}.</p>" for n in range(count)]


def _links(count: int, tag: str, seed: int) -> list[str]:
    return [f'<{tag}><a href="https://a.example/{n}">{HEADLINES[n % 4]} in {n}{seed}</a></{tag}>' for n in range(count)]


def items(seed: int) -> dict[str, str]:
    """Return invented items of about 15 blocks by their kind. Those of two seeds have no line in common."""
    story, image = _paragraphs(6, seed), '<figure><img src="https://a.example/i.jpg" alt="A tide."></figure>'
    linked = [p.replace("canal", '<a href="https://a.example/canal">canal</a>') for p in story]
    middle = [part for pair in zip(story, _links(6, "p", seed), strict=True) for part in pair]
    listed = [
        "<p>These are the stories of the week, told by the people of the town:</p>",
        "<ul>",
        *_links(8, "li", seed),
        "</ul>",
    ]
    return {
        "ordinary": image + "".join(linked),
        "ten links at the end": "".join([*story, "<ul>", *_links(10, "li", seed), "</ul>"]),
        "ten links below a label": "".join([*story, "<h3>Related</h3><ul>", *_links(10, "li", seed), "</ul>"]),
        "links between paragraphs": "".join([*middle, *story[:2]]),
        "an announced list of links": "".join([*story[:3], *listed, *story[3:]]),
    }


def _cpu_ms(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def measure_items() -> dict[str, float]:
    """Return the median CPU milliseconds of each kind of item. No line occurs twice, so that no cache has it."""
    costs: dict[str, list[float]] = {}
    kinds = list(items(0))
    for seed in range(ITEM_ROUNDS * len(kinds)):
        name = kinds[seed % len(kinds)]
        html = items(seed)[name]
        cost = _cpu_ms(lambda html=html: clean(html, "html", title="Salt canal reopens"))  # type: ignore[misc]
        costs.setdefault(name, []).append(cost)
    return {name: round(statistics.median(some), 3) for name, some in costs.items()}


def measure_pages() -> dict[str, float]:
    """Return the mean CPU milliseconds of a page, with copydesk and with trafilatura, and their ratio.

    Each page is cleaned once, because the caches would hold the lines of a page that comes again.
    """
    import trafilatura

    pages = [decode(html) for group, _, html, _ in raw_pages() if group in CORE][::PAGE_STEP]
    costs: dict[str, list[float]] = {"copydesk": [], "trafilatura": []}
    for html in pages:
        costs["copydesk"].append(_cpu_ms(lambda html=html: clean(html, "page")))  # type: ignore[misc]
        costs["trafilatura"].append(_cpu_ms(lambda html=html: trafilatura.extract(html, include_comments=False)))  # type: ignore[misc]
    means = {name: round(statistics.mean(some), 2) for name, some in costs.items()}
    return {"pages": len(pages), **means, "ratio": round(means["copydesk"] / means["trafilatura"], 3)}


def main() -> None:
    """Print the figures as JSON."""
    figures: dict[str, Any] = {"items_cpu_ms": measure_items()}
    if "pages" in sys.argv[1:] and Path(PAGES).is_dir():
        figures["pages_cpu_ms"] = measure_pages()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
