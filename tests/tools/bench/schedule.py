"""The schedule on real feeds: polls against delay, beside the published policies of other readers. No clock, no network.

The series are ../shared/corpus' timestamped captures. Between two captures that share items no item was missed; an item
appeared at its date if that lies between them.
"""

import calendar
import hashlib
import io
import itertools
import math
import statistics
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import feedparser
import msgspec

from tests.tools.bench.replay import SHARED
from workers.poller.schedule import DAY_S, HOUR_S, MINUTE_S, History, expected_wait_s, initial_history, update_history

MAX_GAP_S = 5 * DAY_S
MIN_SPAN_S = 2 * DAY_S
INTERVALS_S = (450, 600, 765, 900, 1200, 1800, 2600)


class Stretch(NamedTuple):
    """A period with complete knowledge of a feed: the time of each item, and the items per document."""

    start_s: float
    end_s: float
    items_s: Sequence[float]
    window: int


class Policy(Protocol):
    """Policy: the time of the next poll."""

    def begin(self, now_s: float) -> None: ...
    def wait_s(self, now_s: float) -> float: ...
    def polled(self, now_s: float, new_s: Sequence[float], window: int) -> None: ...


class Fixed:
    """Every quarter of an hour."""

    def begin(self, now_s: float) -> None:
        pass

    def wait_s(self, now_s: float) -> float:
        return 900.0

    def polled(self, now_s: float, new_s: Sequence[float], window: int) -> None:
        pass


class Miniflux(Fixed):
    """entry_frequency: a week by the number of the last week's items, 5 minutes to a day (its documented defaults)."""

    def __init__(self) -> None:
        self.items_s: list[float] = []

    def wait_s(self, now_s: float) -> float:
        count = sum(t > now_s - 7 * DAY_S for t in self.items_s)
        return min(DAY_S, max(300.0, 7 * DAY_S / count)) if count else DAY_S

    def polled(self, now_s: float, new_s: Sequence[float], window: int) -> None:
        self.items_s = [t for t in self.items_s if t > now_s - 7 * DAY_S] + list(new_s)


class CommaFeed(Miniflux):
    """Half of the mean gap between the document's items, 5 minutes to an hour."""

    def wait_s(self, now_s: float) -> float:
        if len(self.items_s) < 2:
            return HOUR_S
        return min(HOUR_S, max(300.0, (self.items_s[-1] - self.items_s[0]) / (len(self.items_s) - 1) / 2))

    def polled(self, now_s: float, new_s: Sequence[float], window: int) -> None:
        self.items_s = (self.items_s + list(new_s))[-window:]


class Copydesk:
    """copydesk's schedule, with some `poll_interval_s`."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self.history: History | None = None

    def begin(self, now_s: float) -> None:
        if self.history is not None:  # items between two periods are unknown, so they do not update the history
            self.history = msgspec.structs.replace(self.history, polled_s=now_s)

    def wait_s(self, now_s: float) -> float:
        self.history = self.history or initial_history(now_s, [])
        return expected_wait_s(self.history, now_s, self.interval_s)

    def polled(self, now_s: float, new_s: Sequence[float], window: int) -> None:
        assert self.history is not None
        self.history = update_history(self.history, now_s, new_s)


def simulate(series: dict[str, list[Stretch]], policy: Callable[[], Policy]) -> dict[str, float]:
    """Return polls per feed and day, the items' delays in minutes, and the share lost to full turnover."""
    polls, days, lost, delays_s = 0, 0.0, 0, []
    for stretches in series.values():
        own = policy()
        for start_s, end_s, items_s, window in stretches:
            now_s, seen = start_s, 0
            own.begin(start_s)
            days += (end_s - start_s) / DAY_S
            while (now_s := now_s + own.wait_s(now_s)) <= end_s:
                there = bisect_right(items_s, now_s)
                shown = max(seen, there - window)
                lost += shown - seen
                delays_s += [now_s - t for t in items_s[shown:there]]
                own.polled(now_s, items_s[shown:there], window)
                polls, seen = polls + 1, there
    return {
        "polls_a_day": round(polls / days, 1),
        "median_delay_min": round(statistics.median(delays_s) / MINUTE_S, 1),
        "mean_delay_min": round(statistics.mean(delays_s) / MINUTE_S, 1),
        "lost_percent": round(100 * lost / (lost + len(delays_s)), 2),
    }


def at_delay(series: dict[str, list[Stretch]], median_min: float) -> dict[str, float]:
    """Return the figures of copydesk's schedule with the longest interval that is no slower than *median_min*."""
    low, high = 60.0, 20_000.0
    best: dict[str, float] = {}
    for _ in range(10):
        interval_s = math.sqrt(low * high)
        result = simulate(series, lambda at=interval_s: Copydesk(at))  # type: ignore[misc]
        if result["median_delay_min"] > median_min:
            high = interval_s
        else:
            low, best = interval_s, {"poll_interval_s": round(interval_s), **result}
    return best


def stretches_of(captures: Sequence[Path]) -> list[Stretch]:
    """Return the periods of one feed's *captures*, whose names are their times."""
    shown: list[tuple[float, dict[str, float | None]]] = []
    for path in captures:
        parsed = feedparser.parse(io.BytesIO(path.read_bytes()), sanitize_html=False, resolve_relative_uris=False)
        items = {}
        for entry in parsed.entries:
            when = entry.get("published_parsed") or entry.get("updated_parsed")
            items[entry.get("id") or entry.get("link") or ""] = float(calendar.timegm(when)) if when else None
        shown.append((float(path.stem), items))
    runs = [[shown[0]]]
    for before, after in itertools.pairwise(shown):
        if after[0] - before[0] <= MAX_GAP_S and before[1].keys() & after[1].keys():
            runs[-1].append(after)
        else:
            runs.append([after])
    return [_stretch(run) for run in runs if run[-1][0] - run[0][0] >= MIN_SPAN_S]


def _stretch(run: list[tuple[float, dict[str, float | None]]]) -> Stretch:
    seen, appeared = set(run[0][1]), []
    for before, after in itertools.pairwise(run):
        for name in after[1].keys() - seen:
            date_s, gap_s = after[1][name], after[0] - before[0]
            if date_s is not None and before[0] < date_s <= after[0]:
                appeared.append(date_s)
            elif gap_s <= 12 * HOUR_S:  # undated, or dated outside: a fixed time between the captures
                share = int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:6], 16) / 0xFFFFFF
                appeared.append(before[0] + gap_s * share)
        seen |= after[1].keys()
    return Stretch(run[0][0], run[-1][0], sorted(appeared), len(run[-1][1]))


def measure() -> dict[str, Any]:
    """Return the curve and the comparison; needs the corpus beside the project."""
    with tempfile.TemporaryDirectory() as unpacked:
        subprocess.run(["tar", "xJf", str(SHARED / "corpus" / "feeds.tar.xz"), "-C", unpacked], check=True)
        folders = sorted(Path(unpacked, "rw_series").iterdir())
        captures = {d.name: sorted(d.glob("*.xml"), key=lambda p: int(p.stem)) for d in folders}
        series = {name: found for name, paths in captures.items() if (found := stretches_of(paths))}
    policies: dict[str, Callable[[], Policy]] = {"fixed 15 min": Fixed, "miniflux": Miniflux, "commafeed": CommaFeed}
    out: dict[str, Any] = {"feeds": len(series), "curve": {}}
    for name, policy in policies.items():
        theirs = simulate(series, policy)
        ours = at_delay(series, theirs["median_delay_min"])
        fewer = round(100 * (1 - ours["polls_a_day"] / theirs["polls_a_day"]))
        out[name] = {"theirs": theirs, "ours_at_their_delay": ours, "fewer_polls_percent": fewer}
    for interval_s in INTERVALS_S:
        out["curve"][interval_s] = simulate(series, lambda at=float(interval_s): Copydesk(at))  # type: ignore[misc]
    Path("bench-results").mkdir(exist_ok=True)
    Path("bench-results", "schedule.svg").write_text(plot(out))
    return out


def plot(found: dict[str, Any]) -> str:
    """Return an SVG: polls per feed and day to the right, median delay upwards; the best corner is the lower left."""
    curve = sorted((at["polls_a_day"], at["median_delay_min"]) for at in found["curve"].values())
    others = {name: at["theirs"] for name, at in found.items() if isinstance(at, dict) and "theirs" in at}
    points = {name: (at["polls_a_day"], at["median_delay_min"]) for name, at in others.items()}
    right = max(x for x, _ in [*curve, *points.values()]) * 1.1
    top = max(y for _, y in [*curve, *points.values()]) * 1.1

    def at(x: float, y: float) -> str:
        return f"{60 + 560 * x / right:.0f},{340 - 300 * y / top:.0f}"

    line = f'<polyline points="{" ".join(at(*p) for p in curve)}" fill="none" stroke="#c33" stroke-width="2"/>'
    marks = "".join(
        f'<circle cx="{at(*p).split(",")[0]}" cy="{at(*p).split(",")[1]}" r="5" fill="#567"/>'
        f'<text x="{int(at(*p).split(",")[0]) + 8}" y="{at(*p).split(",")[1]}">{name} ({p[0]}, {p[1]} min)</text>'
        for name, p in points.items()
    )
    text = (
        '<path d="M60 30V340H640" fill="none" stroke="#999"/><text x="300" y="375">polls a feed and day</text>'
        '<text transform="translate(40 260) rotate(-90)">median delay, minutes</text><text x="70" y="50" fill="#c33">copydesk</text>'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 390" font-family="sans-serif" font-size="12">{text}{line}{marks}</svg>\n'  # fmt: skip
