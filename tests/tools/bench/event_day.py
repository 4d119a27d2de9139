"""`make bench-events`: group an invented day of news, and report BCubed, CPU time and memory.

make bench-events ARGS="--seed dev-1 --articles 2000"
"""

import argparse
import resource
import time
from collections.abc import Sequence

import numpy as np

from tests.tools.train.events.day import LabelledReport, day, plot_names
from tests.tools.train.events.scores import bcubed
from workers.events.article_text import TextReader
from workers.events.grouping import Grouper
from workers.events.signature import LAYOUT, RECORD_BYTES
from workers.events.window import Window

SEALED_SEED = "sealed-2026-11-27"  # only for reported figures; choose thresholds on other days


def main() -> None:
    """Print the scores of one day."""
    parser = argparse.ArgumentParser("make bench-events")
    parser.add_argument("--seed", default=SEALED_SEED)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--filled", type=int, default=0, help="articles of other days in the window before")
    parser.add_argument("--unseen", action="store_true", help="only plots that the model was not trained on")
    args = parser.parse_args()
    plots = plot_names()[1::2] if args.unseen else ()
    reports, reader, window = day(args.seed, args.articles, plots), TextReader(), Window()
    if args.filled:
        fill(window, args.filled)
    found, milliseconds = group(reports, reader, window)
    precision, recall, f1 = bcubed([report.event for report in reports], found)
    print(f"{len(reports):,} articles, {len({report.event for report in reports}):,} events, seed {args.seed}")
    print(f"BCubed: precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}; {len(set(found)):,} groups")
    print(f"CPU: {milliseconds / len(reports):.2f} ms per article, window of {window.used():,} articles")
    print(f"state: {RECORD_BYTES} bytes per article; memory: {peak_mb():.0f} MB")


def group(reports: Sequence[LabelledReport], reader: TextReader, window: Window) -> tuple[list[bytes], float]:
    """Return the event of each report after the day, and the CPU time in milliseconds."""
    grouper, start_s = Grouper(reader, window), time.process_time()
    for report in reports:
        plan = grouper.plan(report.article, reader.read(report.article))
        window.apply(plan.writes, plan.count)
    slots = [window.slot_of[bytes.fromhex(report.article.id)] for report in reports]
    return [window.event_at(slot) for slot in slots], 1000 * (time.process_time() - start_s)


def fill(window: Window, count: int) -> None:
    """Fill a window with random signatures, each an event of its own."""
    records = np.frombuffer(np.random.default_rng(1).bytes(count * RECORD_BYTES), LAYOUT).copy()
    records["event_revision"], records["flags"], records["time_s"] = 1, 1, 0
    window.load(count, records)


def peak_mb() -> float:
    """Return the greatest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
