"""Stages of sampled stacks, and the page of costs."""

import pytest

from tests.tools.profile.page import page
from tests.tools.profile.stages import OTHER, RULES, shares, stage_of

HANDLE = "Desk.handle (/app/workers/desk/desk.py:111)"


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        (
            f"{HANDLE};signatures_of (/app/workers/dedupe/near_duplicates/signature.py:9);sort (<string>:1)",
            "signatures",
        ),
        (
            f"{HANDLE};clean_item (/app/workers/desk/article.py:9);match_key (/app/workers/text/normalise.py:2)",
            "cleaning",
        ),
        (f"{HANDLE};article_text (/app/workers/desk/article.py:9)", "other work of the desk"),
        ("run (/lib/faust/app/base.py:9)", "Faust"),
        ("main (/app/elsewhere.py:1)", OTHER),
        ("", OTHER),
    ],
)
def test_stage_is_that_of_innermost_frame(stack: str, stage: str) -> None:
    assert stage_of(stack, RULES["desk"]) == stage


def test_shares_count_samples() -> None:
    imported = f"{HANDLE};_find_and_load (<frozen importlib._bootstrap>:1176) 5"
    lines = [f"{HANDLE} 3", "main (/app/elsewhere.py:1) 1", imported, " 7"]
    assert shares(lines, RULES["desk"]) == {"other work of the desk": 0.75, OTHER: 0.25}


def test_page_has_costs_of_stages() -> None:
    figures = {"count": 2_500, "cpu_us": 1000.0, "valkey_us": 150.0, "stages": {"cleaning": 0.5, "log": 0.001}}
    text = page({"desk captures": figures, "desk demo": figures, "machine": "m, Python 3", "date": "2026-11-27"})
    assert "| stage | captures, 2,500 | demo, 2,500 |\n| --- | --- | --- |\n| cleaning | 500 | 500 |\n" in text
    assert "| **CPU of Valkey** | 150 | 150 |" in text
    assert "log" not in text.partition("## Desk")[2]
