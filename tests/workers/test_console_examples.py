"""Examples on the console: the first article before and after cleaning, the first revision, copies, dead letters."""

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from streams.records import Article, Correction, DeadLetter, Link, PollResult, RemovedBlock
from tests.support.site import article
from tests.support.terminal import Terminal
from workers.console import ConsoleReporter
from workers.console_diff import revision_line
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
    assert len(" ".join(span.text for span in revision_line(before, after))) < 200


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
