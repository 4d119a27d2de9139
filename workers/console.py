"""The show of `copydesk up`: a line for each article as it comes, in a form that people like to watch."""

import shutil
import sys
import time
from typing import TextIO

from streams.records import Article, PollResult
from workers.text.normalise import plain_text

GLYPHS = {"new": ("●", "32"), "revised": ("↻", "33"), "failed": ("✗", "31"), "note": ("·", "2")}
REPEAT_AFTER_S = 300.0


class ConsoleReporter:
    """Prints what happens to *out*; colours only where a person looks on."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self.out = out
        self.colour = out.isatty()
        self._last_errors: dict[str, tuple[str, float]] = {}

    def article(self, article: Article) -> None:
        """Show an article: its outlet, its title, its size and what was taken out."""
        mark = "new" if article.revision == 1 else "revised"
        facts = [f"rev {article.revision}"] if article.revision > 1 else []
        facts.append(f"{article.word_count} words")
        if links := sum(len(r.links) for r in article.removed):
            facts.append(f"{links} links out")
        elif article.removed:
            facts.append(f"{len(article.removed)} blocks out")
        self._line(mark, article.publisher, article.title, ", ".join(facts))

    def poll(self, poll: PollResult) -> None:
        """Show a failed poll, when what ails the feed is new or was last said long ago."""
        if poll.outcome != "failed":
            self._last_errors.pop(poll.feed, None)
            return
        said, at_s = self._last_errors.get(poll.feed, ("", 0.0))
        if (
            poll.error != said and time.monotonic() - at_s > REPEAT_AFTER_S / 10
        ) or time.monotonic() - at_s > REPEAT_AFTER_S:
            self._last_errors[poll.feed] = (poll.error, time.monotonic())
            wait_s = (poll.next_due - poll.started_at).total_seconds() if poll.next_due else 0
            self._line("failed", "feed", poll.feed, f"{poll.error}; next try in {wait_s:.0f} s")

    def note(self, text: str) -> None:
        """Show a remark of copydesk's own."""
        self.out.write(self._coloured(text, GLYPHS["note"][1]) + "\n")
        self.out.flush()

    def _line(self, kind: str, who: str, title: str, facts: str) -> None:
        mark, colour = GLYPHS[kind]
        width = shutil.get_terminal_size((110, 24)).columns
        room = max(20, width - 34 - len(facts))
        title, who = plain_text(title)[:room], plain_text(who)[:18]  # no control characters from feeds on a terminal
        clock = time.strftime("%H:%M:%S")
        self.out.write(
            f"{clock} {self._coloured(mark, colour)} {who:<18}  {title:<{room}}  {self._coloured(facts, '2')}\n"
        )
        self.out.flush()

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text
