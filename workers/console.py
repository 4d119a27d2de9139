"""Console output of `copydesk up`: one line per article.

It owns the layout of a line. It must not know where articles and polls come from.
"""

import math
import os
import shutil
import sys
import time
from typing import TextIO

from streams.records import Article, PollResult
from workers.text.normalise import plain_text

GLYPHS = {"new": ("●", "32"), "revised": ("↻", "33"), "failed": ("✗", "31"), "note": ("·", "2")}
REPEAT_AFTER_S = 300.0  # the same error of a feed is printed again after this time
MIN_REPEAT_S = REPEAT_AFTER_S / 10  # another error of the feed


class ConsoleReporter:
    """Prints articles, failed polls and notes to *out*, in colour on a terminal unless NO_COLOR is set."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self.out = out
        self.colour = out.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
        self._last_errors: dict[str, tuple[str, float]] = {}

    def article(self, article: Article) -> None:
        """Print an article: publisher, title, word count, and the number of removed links or blocks."""
        status = "new" if article.revision == 1 else "revised"
        facts = [f"rev {article.revision}"] if article.revision > 1 else []
        facts.append(f"withdrawn: {article.withdrawn}" if article.withdrawn else f"{article.word_count} words")
        if links := sum(len(block.links) for block in article.removed):
            facts.append(f"{links} links removed")
        elif article.removed:
            facts.append(f"{len(article.removed)} blocks removed")
        self._line(status, article.publisher, article.title, ", ".join(facts))

    def poll(self, poll: PollResult) -> None:
        """Print a failed poll, if the error is new or was printed more than REPEAT_AFTER_S ago."""
        if poll.outcome != "failed":
            self._last_errors.pop(poll.feed, None)
            return
        last_error, printed_at_s = self._last_errors.get(poll.feed, ("", -math.inf))
        if time.monotonic() - printed_at_s > (REPEAT_AFTER_S if poll.error == last_error else MIN_REPEAT_S):
            self._last_errors[poll.feed] = (poll.error, time.monotonic())
            wait_s = (poll.next_due - poll.started_at).total_seconds() if poll.next_due else 0
            self._line("failed", "feed", poll.feed, f"{poll.error}; retrying in {wait_s:.0f} s")

    def note(self, text: str) -> None:
        """Print a message of copydesk itself."""
        self.out.write(self._coloured(text, GLYPHS["note"][1]) + "\n")
        self.out.flush()

    def _line(self, status: str, source: str, title: str, facts: str) -> None:
        glyph, colour = GLYPHS[status]
        width = shutil.get_terminal_size((110, 24)).columns
        title_width = max(20, width - 34 - len(facts))
        # Feeds must not send control characters to the terminal.
        title, source, facts = plain_text(title)[:title_width], plain_text(source)[:18], plain_text(facts)
        clock = time.strftime("%H:%M:%S")
        start, end = self._coloured(glyph, colour), self._coloured(facts, "2")
        self.out.write(f"{clock} {start} {source:<18}  {title:<{title_width}}  {end}\n")
        self.out.flush()

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text
