"""Items for the benchmarks of the desk, as JSON lines: captures of real feeds in order, or the demo newsroom.

python -m tests.tools.bench.desk_items captures|demo|invented FILE COUNT
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.codec import encode
from streams.errors import UnreadableError
from streams.records import Item
from tests.tools.bench.desk import made_items
from workers.demo import newsroom
from workers.demo.stories import OUTLETS, Outlet, Story, story
from workers.poller.formats import parse_feed
from workers.poller.new_items import find_new_items

SHARED = Path(__file__).parents[4] / "shared"
SERIES = "rw_series"  # OUTLET/TIME.xml: captures of one feed, named by Unix time or by number
FIRST_CAPTURE = datetime(2026, 1, 1, tzinfo=UTC)
MIN_UNIX_S = 10**8  # smaller names are numbers
DEMO_START_S = 1_790_000_000.0
DEMO_PACE_S = 5.0


def unpack_captures(folder: Path) -> Path:
    """Return the folder of captures, unpacked below *folder*. Raises FileNotFoundError without ../shared."""
    archive = SHARED / "corpus" / "feeds.tar.xz"
    if not archive.exists():
        raise FileNotFoundError(f"captures missing: {archive}")
    if not (folder / SERIES).exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "xJf", str(archive), "-C", str(folder), SERIES], check=True)
    return folder / SERIES


def capture_documents(series: Path) -> Iterator[tuple[str, datetime, bytes]]:
    """Yield (outlet, time, document) of all captures. Outlets whose names are numbers are spread over the whole time."""
    rows = []
    for outlet in sorted(series.iterdir()):
        numbers = sorted(int(path.stem) for path in outlet.glob("*.xml"))
        rows += [(place / len(numbers), outlet.name, number) for place, number in enumerate(numbers)]
    for place, (_, name, number) in enumerate(sorted(rows)):
        is_unix = number > MIN_UNIX_S
        at = datetime.fromtimestamp(number, UTC) if is_unix else FIRST_CAPTURE + timedelta(minutes=place)
        yield name, at, (series / name / f"{number}.xml").read_bytes()


def capture_items(series: Path) -> Iterator[Item]:
    """Yield the new and changed items of the captures, as the poller would publish them."""
    known: dict[str, bytes] = {}
    for name, at, body in capture_documents(series):
        try:
            feed = parse_feed(body, f"https://{name}.example/feed", fetched_at=at)
        except UnreadableError:
            continue
        new = find_new_items(feed.items, known.get(name, b""), unreadable=feed.unreadable)
        known[name] = new.known_items
        yield from new.items


def demo_documents(rounds: int) -> Iterator[tuple[str, datetime, bytes]]:
    """Yield (URL, time, document) of *rounds* polls of all demo feeds. Each round has one new story."""
    window = newsroom.WINDOW
    for number in range(rounds):
        at = datetime.fromtimestamp(DEMO_START_S + (number + window) * DEMO_PACE_S, UTC)
        published = [(story(n), DEMO_START_S + DEMO_PACE_S * n) for n in range(number + window, 0, -1)]
        for outlet in OUTLETS:
            own = [(s, at_s) for s, at_s in published if s.outlet == outlet][:window]
            yield (
                f"https://{outlet.slug}.example/feed",
                at,
                _document(outlet, own, [s for s, _ in published[: 4 * window]]),
            )


def demo_items(rounds: int) -> Iterator[Item]:
    """Yield the items of *rounds* polls of all demo feeds: most are known items whose "Explore" list has rotated."""
    known: dict[str, bytes] = {}
    for url, at, body in demo_documents(rounds):
        feed = parse_feed(body, url, fetched_at=at)
        new = find_new_items(feed.items, known.get(url, b""), unreadable=feed.unreadable)
        known[url] = new.known_items
        yield from new.items


def _document(outlet: Outlet, own: list[tuple[Story, float]], explore: list[Story]) -> bytes:
    form = newsroom.atom if outlet.form == "atom" else newsroom.rss
    return form(outlet, own, lambda _: explore, "").encode()


def write_items(items: Iterator[Item], path: Path, count: int = 0) -> Path:
    """Write up to *count* items (0: all) to *path*, unless it exists."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for item in items:
            lines.append(encode(item))
            if len(lines) == count:
                break
        path.write_bytes(b"\n".join(lines))
    return path


def invented_items(count: int) -> Iterator[Item]:
    """Yield new items of the demo newsroom with eleven links each."""
    yield from made_items(count)


def main(source: str, path: str, count: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if source == "captures":
            items = capture_items(unpack_captures(Path(folder)))
        else:
            items = demo_items(1_000_000) if source == "demo" else invented_items(int(count))
        write_items(items, Path(path), int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
