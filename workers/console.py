"""Console output of `copydesk up`: one line per article, and the first one before and after cleaning.

It owns the layout of a line. It must not know where articles and polls come from.
"""

import math
import os
import shutil
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import TextIO, TypeVar

from streams.records import Article, DeadLetter, PollResult
from workers.console_diff import DELETED, INSERTED, KEPT, NOTE, Line, cleaning_lines, cut_text, revision_lines
from workers.text.counts import format_count
from workers.text.durations import format_duration
from workers.text.normalise import plain_text

GLYPHS = {"new": ("●", "32"), "revised": ("↻", "33"), "failed": ("✗", "31"), "note": ("·", "2")}
STYLES = {KEPT: "", DELETED: "9;31", INSERTED: "32", NOTE: "2"}  # ECMA-48 §8.3.117: 9 crossed out, 31 red, 32 green
MARKS = {DELETED: ("[-", "-]"), INSERTED: ("{+", "+}")}  # as git --word-diff=plain, without colours
REPEAT_AFTER_S = 300.0  # the same error of a feed is printed again after this time
MIN_REPEAT_S = REPEAT_AFTER_S / 10  # another error of the feed
REMEMBERED_PUBLISHERS, REMEMBERED_ARTICLES = 10_000, 200
HELD_LINES, HELD_S = 100, 30.0  # lines that wait for the example, and their time
INDENT = 4
Value = TypeVar("Value")


class ConsoleReporter:
    """Prints articles, failed polls and notes to *out*, in colour on a terminal unless NO_COLOR is set.

    With an *example_label*, the first article with removed links of that label is printed first, with its differences.
    Other lines wait for it, at most HELD_LINES or HELD_S. Differences follow the first correction too.
    """

    def __init__(self, out: TextIO | None = None, example_label: str = "") -> None:
        self.out = out = out or sys.stdout
        self.colour = out.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
        self.example_label = example_label
        self._shown: set[str] = set()
        self._held: list[Callable[[], None]] = []
        self._held_since_s = 0.0
        self._publishers: OrderedDict[str, str] = OrderedDict()
        self._articles: OrderedDict[str, Article] = OrderedDict()
        self._last_errors: dict[str, tuple[str, float]] = {}
        self._health: set[str] = set()  # subjects of the current problems

    def article(self, article: Article) -> None:
        """Print an article: publisher, title, word count, removed links or blocks, and the original of a copy."""
        _remember(self._publishers, article.id, article.publisher, REMEMBERED_PUBLISHERS)
        if not self._waits_for(article):
            self._after_example(partial(self._print_article, article))
            return
        self._shown.add("cleaning")
        self._print_article(article)
        self._lines(
            "The article without its clutter, and each removed block with the reason:",
            cleaning_lines(article, _width() - 2 * INDENT),
        )
        self.release()

    def _waits_for(self, article: Article) -> bool:
        """Return whether *article* is the example of cleaning."""
        has_label = any(block.links and block.label == self.example_label for block in article.removed)
        is_original = article.revision == 1 and not article.duplicate_of
        return bool(self.example_label) and "cleaning" not in self._shown and has_label and is_original

    def _after_example(self, print_lines: Callable[[], None]) -> None:
        """Call *print_lines*, after the example of cleaning if one is expected."""
        now_s = time.monotonic()
        if not self._held:
            self._held_since_s = now_s
        self._held.append(print_lines)
        is_late = len(self._held) > HELD_LINES or now_s - self._held_since_s > HELD_S
        if not self.example_label or "cleaning" in self._shown or is_late:
            self.release()

    def release(self) -> None:
        """Print the lines that wait for the example, and hold no further ones."""
        self._shown.add("cleaning")
        held, self._held = self._held, []
        for print_lines in held:
            print_lines()

    def _print_article(self, article: Article) -> None:
        status = "new" if article.revision == 1 else "revised"
        self._line(status, article.publisher, article.title, ", ".join(self._facts(article)))
        if self.example_label:
            self._print_revision(article)

    def _facts(self, article: Article) -> list[str]:
        facts = [f"rev {article.revision}"] if article.revision > 1 else []
        facts += [article.correction.kind] if article.correction and article.revision > 1 else []
        words = format_count(article.word_count, "word")
        facts.append(f"withdrawn: {article.withdrawn}" if article.withdrawn else words)
        if article.duplicate_of:
            original = self._publishers.get(article.duplicate_of, "")
            facts.append(f"copy{' of ' if original else ''}{original}, {article.similarity:.0%}".replace("%", " %"))
            return facts
        if links := sum(len(block.links) for block in article.removed):
            facts.append(f"{format_count(links, 'link')} removed")
        elif article.removed:
            facts.append(f"{format_count(len(article.removed), 'block')} removed")
        return facts

    def _print_revision(self, article: Article) -> None:
        """Print the differences of the first correction."""
        before = self._articles.get(article.id)
        _remember(self._articles, article.id, article, REMEMBERED_ARTICLES)
        if "revision" not in self._shown and before is not None and article.correction:
            self._shown.add("revision")
            self._lines("The changed words of this revision:", revision_lines(before, article))

    def _lines(self, heading: str, lines: "list[Line]") -> None:
        """Print *lines* below *heading*; without colours, deleted and inserted words have marks."""
        rows = [self._coloured(heading, STYLES[NOTE])]
        for line in lines:
            rows.append(" ".join(self._marked(text, role) for text, role in line if text))
        self.out.write("".join(f"{'':{INDENT}}{row}\n" for row in rows) + "\n")
        self.out.flush()

    def _marked(self, text: str, role: str) -> str:
        before, after = ("", "") if self.colour else MARKS.get(role, ("", ""))
        return self._coloured(before + text + after, STYLES[role]) if STYLES[role] else text

    def poll(self, poll: PollResult) -> None:
        """Print a failed poll, if the error is new or was printed more than REPEAT_AFTER_S ago."""
        if poll.outcome != "failed":
            self._last_errors.pop(poll.feed, None)
            return
        last_error, printed_at_s = self._last_errors.get(poll.feed, ("", -math.inf))
        if time.monotonic() - printed_at_s > (REPEAT_AFTER_S if poll.error == last_error else MIN_REPEAT_S):
            self._last_errors[poll.feed] = (poll.error, time.monotonic())
            wait_s = (poll.next_due - poll.started_at).total_seconds() if poll.next_due else 0
            text = f"poll failed: {poll.feed} ({poll.error}); next try in {format_duration(wait_s)}"
            self._after_example(partial(self._message, "failed", text))

    def dead_letter(self, letter: DeadLetter) -> None:
        """Print a dead letter: its source, its error and the command that shows it."""
        text = f"dead letter: {letter.source} ({letter.error}); see `copydesk dead-letters list`"
        self._after_example(partial(self._message, "failed", text))

    def health(self, messages: Iterable[str]) -> None:
        """Print each new problem and warning of the health report. One that ended and returns is new."""
        by_subject = {_subject(message): message for message in messages}
        for new in by_subject.keys() - self._health:
            self._after_example(partial(self.note, by_subject[new]))
        self._health = set(by_subject)

    def note(self, text: str) -> None:
        """Print a message of copydesk itself."""
        self.out.write(self._coloured(text, GLYPHS["note"][1]) + "\n")
        self.out.flush()

    def banner(self, text: str) -> None:
        """Print instructions of copydesk in plain text."""
        self.out.write(text + "\n")
        self.out.flush()

    def _message(self, status: str, text: str) -> None:
        """Print *text* in full: a URL must stay complete."""
        glyph, colour = GLYPHS[status]
        self.out.write(f"{_clock()} {self._coloured(glyph, colour)} {plain_text(text)}\n")
        self.out.flush()

    def _line(self, status: str, source: str, title: str, facts: str) -> None:
        glyph, colour = GLYPHS[status]
        clock = _clock()
        title_width = max(20, _width() - len(clock) - 26 - len(facts))
        # Feeds must not send control characters to the terminal.
        title, source, facts = cut_text(title, title_width), cut_text(source, 18), plain_text(facts)
        start, end = self._coloured(glyph, colour), self._coloured(facts, "2")
        self.out.write(f"{clock} {start} {source:<18}  {title:<{title_width}}  {end}\n")
        self.out.flush()

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def _remember(values: "OrderedDict[str, Value]", key: str, value: "Value", limit: int) -> None:
    values[key] = value
    values.move_to_end(key)
    if len(values) > limit:
        values.popitem(last=False)


def _subject(message: str) -> str:
    """Return a health message without its figures, which change from round to round."""
    return "".join(char for char in message if not char.isdigit())


def _clock() -> str:
    return time.strftime("%H:%M:%S %Z")


def _width() -> int:
    return shutil.get_terminal_size((110, 24)).columns
