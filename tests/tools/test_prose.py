"""The prose budget and the link check."""

from pathlib import Path

from tests.tools.links import anchors, broken_links
from tests.tools.prose import (
    complaints,
    count,
    forbidden_test_names,
    lowered,
    markdown_prose,
    measure,
    python_prose,
)

MODULE = '''
"""What a docstring says counts."""
whoever = "who in a string does not count"  # nobody in a comment counts


def what() -> None:
    """Somebody counts."""
'''


def test_count_finds_whole_words_only() -> None:
    found = count("What somehow whatnot WHOEVER")
    assert (found.hits, found.words, found.per_1000) == (2, 4, 500.0)
    assert count("").per_1000 == 0


def test_python_prose_is_docstrings_and_comments() -> None:
    assert count(python_prose(MODULE)).hits == 3


def test_markdown_prose_excludes_code() -> None:
    assert markdown_prose("a `what` b\n```\nwho\n```\nc").split() == ["a", "b", "c"]


def test_measure_counts_folders_and_top_level_files(tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams" / "a.py").write_text(MODULE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_what_is(): ...\ndef test_whatnot(): ...\n")
    (tmp_path / "NEWS.md").write_text("nobody knows")
    figures = measure(tmp_path)
    assert figures["streams"] > 0 and figures["docs"] == 0 and figures["NEWS.md"] == 500
    assert figures["test names"] == 1


def test_forbidden_test_names_include_async_and_methods(tmp_path: Path) -> None:
    path = tmp_path / "test_a.py"
    path.write_text("async def test_it_runs(): ...\nclass A:\n    def test_when_b(self): ...\ndef test_item(): ...\n")
    assert sorted(forbidden_test_names([path])) == ["test_it_runs", "test_when_b"]


def test_limit_fails_above_and_far_below() -> None:
    limits = {"streams": 5}
    assert complaints({"streams": 4.2, "docs": 0.9, "test names": 0}, limits) == []
    assert len(complaints({"streams": 5.1, "docs": 1.1, "test names": 1}, limits)) == 3
    assert len(complaints({"streams": 3.9}, limits)) == 1


def test_lowered_never_raises_a_limit() -> None:
    limits = {"streams": 5, "workers": 9, "tests": 3, "gone": 7, "test names": 2}
    figures = {"streams": 7.0, "workers": 4.1, "tests": 0.2, "test names": 0.0}
    assert lowered(figures, limits) == {"streams": 5, "workers": 5}


def test_broken_links_names_missing_files_and_anchors(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        "# One `two` three\n[a](#one-two-three) [b](b.md) [c](https://a.example/x) [d](#none)\n"
        "`[e](gone.md)`\n[f]: gone.md\n[g](a.md#one-two-three) [h](a.md#none)\n"
    )
    assert broken_links(page) == ["b.md", "#none", "gone.md", "a.md#none"]
    assert anchors("## One `two` three\n## 2. Do it!\n") == {"one-two-three", "2-do-it"}
