"""Examples on the console: the first article before and after cleaning, the first revision, copies, dead letters."""

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from streams.records import Article, Correction, DeadLetter, Link, PollResult, RemovedBlock
from tests.support.site import article
from tests.support.terminal import Terminal
from workers.console import HELD_LINES, ConsoleReporter
from workers.console_diff import revision_lines
from workers.supervisor import command_name
from workers.text.durations import format_duration

EXPLORE = RemovedBlock(
    kind="list", text="Swans in record winter Storm spares Quillmere", reason="link list", label="Explore",
    links=(Link("https://a.example/1", "Swans in record winter"), Link("https://a.example/2", "Storm spares Quillmere")),
)  # fmt: skip


def cleaned(n: int = 1, **changes: Any) -> Article:
    return replace(article(n), **({"removed": (EXPLORE,)} | changes))


def printed(*articles: Article, colour: bool = False, examples: bool = True) -> str:
    out = Terminal() if colour else io.StringIO()
    console = ConsoleReporter(out, example_label="Explore" if examples else "")
    for each in articles:
        console.article(each)
    console.release()
    return out.getvalue()


def test_first_article_shows_removed_headlines_once() -> None:
    text = printed(cleaned(1), cleaned(2))
    assert text.count("[-Explore-]") == 1
    assert "[-Explore-]   (link list)" in text
    assert "[-  Swans in record winter-]" in text
    assert "The harbour board met 1 times." in text
    assert len([line for line in text.splitlines() if "●" in line]) == 2


def test_terminal_strikes_removed_headlines_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = printed(cleaned(), colour=True)
    assert "\x1b[9;31mExplore\x1b[0m" in text
    assert "[-" not in re.sub(r"\x1b\[", "", text)


def test_no_color_and_pipes_get_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed(cleaned(), colour=True)
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b" not in printed(cleaned(), colour=False)


def test_removed_lines_without_links_are_listed() -> None:
    dump = RemovedBlock(kind="lines", text="Swans in winter\nStorm spares Quillmere", reason="links", label="Most read")
    text = printed(cleaned(removed=(EXPLORE, dump)))
    assert [line.strip() for line in text.splitlines() if "[-" in line][3:] == [
        "[-Most read-]   (links)", "[-  Swans in winter-]", "[-  Storm spares Quillmere-]",
    ]  # fmt: skip


def test_operators_get_one_line_per_article() -> None:
    assert len(printed(cleaned(1), cleaned(2), examples=False).splitlines()) == 2


def test_headlines_send_no_control_characters() -> None:
    block = replace(EXPLORE, label="Explore\x1b[2J", links=(Link("https://a.example/", "a\x1b]0;b\x07"),))
    assert "\x1b" not in printed(cleaned(removed=(block,)))


def test_first_revision_shows_changed_words() -> None:
    after = cleaned(
        revision=2, paragraphs=("The harbour board met 3 times.",), correction=Correction("correction", "3 times")
    )
    text = printed(cleaned(), after, replace(after, revision=3, paragraphs=("The board met.",)))
    assert "[-1-] {+3+} times." in text
    assert "rev 2, correction" in text
    assert text.count("changed words") == 1


def test_long_unchanged_text_is_shortened() -> None:
    before, after = (replace(article(1), paragraphs=("word " * 100 + number,)) for number in ("one", "two"))
    [line] = revision_lines(before, after)
    assert len(" ".join(span.text for span in line)) < 200


def test_changed_title_and_paragraphs_have_own_lines() -> None:
    before = replace(article(1), title="Bell of 1901", paragraphs=("It rang.", "It broke.", "It was kept."))
    after = replace(before, title="Bell of 1910", paragraphs=("It rang.", "It cracked.", "It was kept.", "Corrected."))
    lines = [" ".join(span.text for span in line) for line in revision_lines(before, after)]
    assert lines == ["Bell of 1901 1910", "It broke. cracked.", "Corrected."]


def test_example_precedes_other_lines() -> None:
    console = ConsoleReporter(out := io.StringIO(), example_label="Explore")
    console.dead_letter(DeadLetter(error_kind="unreadable", error="bad", feed="f", failed_at=datetime.now(UTC)))
    console.health(["dead letters pending: 1"])
    console.article(article(1))
    console.article(cleaned(2, duplicate_of=article(1).id, similarity=0.9))
    assert out.getvalue() == ""
    console.article(cleaned(3))
    marks = [("●", "Story 3"), ("✗", "dead letter"), ("dead", "pending"), ("●", "Story 1"), ("●", "Story 2")]
    lines = [line for line in out.getvalue().splitlines() if line and not line.startswith(" ")]
    assert [
        (mark, text) for line, (mark, text) in zip(lines, marks, strict=True) if mark in line and text in line
    ] == marks


def test_lines_without_example_are_not_held_forever() -> None:
    console = ConsoleReporter(out := io.StringIO(), example_label="Explore")
    for n in range(HELD_LINES + 2):
        console.article(article(n))
    assert out.getvalue().count("●") == HELD_LINES + 2


def test_cut_names_and_titles_have_an_ellipsis() -> None:
    long = replace(article(1), publisher="Eddersbyer Tagblatt am Morgen", title="swan" * 100)
    text = printed(long, examples=False)
    assert "Eddersbyer Tagbla…" in text
    assert re.search(r"(swan)+s?w?a?…  ", text)


def test_copy_names_its_original() -> None:
    copy = cleaned(2, duplicate_of=article(1).id, similarity=0.94, publisher="Vessmark Gazette")
    text = printed(replace(article(1), publisher="Orrin Wire"), copy, replace(copy, id="0" * 20, duplicate_of="f" * 20))
    assert "copy of Orrin Wire, 94 %" in text
    assert "copy, 94 %" in text


def test_failed_poll_keeps_its_whole_url() -> None:
    url = "https://www.courier.example/a/very/long/path/of/a/feed/that/is/longer/than/the/line/of/a/terminal.xml"
    out = io.StringIO()
    due = datetime(2026, 11, 27, 12, 30, 22, tzinfo=UTC)
    started = datetime(2026, 11, 27, 12, tzinfo=UTC)
    ConsoleReporter(out).poll(
        PollResult(id="1", feed=url, started_at=started, outcome="failed", error="HTTP 500", next_due=due)
    )
    assert f"poll failed: {url} (HTTP 500); next try in 30 min" in out.getvalue()


def test_dead_letter_names_source_and_next_step() -> None:
    out = io.StringIO()
    letter = DeadLetter(error_kind="unreadable", error="not JSON", feed="source:desk", failed_at=datetime.now(UTC))
    ConsoleReporter(out).dead_letter(letter)
    assert "dead letter: feed source:desk (not JSON); see `copydesk dead-letters list`" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.4, "0 s"), (59, "59 s"), (90, "90 s"), (100, "1 min"), (1822, "30 min"), (3600, "1 h"),
     (5400, "1 h 30 min"), (86_400, "1 d"), (200_000, "2 d 7 h"), (-5, "0 s")],
)  # fmt: skip
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_command_name_is_short_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "copydesk"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    link = tmp_path / "copydesk"
    link.symlink_to(program)
    for argument, path, name in (
        (program, program.parent, "copydesk"), (link, tmp_path, "copydesk"), (program, tmp_path / "none", str(program)),
        (tmp_path / "cli.py", program.parent, "copydesk"),
    ):  # fmt: skip
        monkeypatch.setenv("PATH", str(path))
        monkeypatch.setattr(sys, "argv", [str(argument), "up"])
        assert command_name() == name
