"""Short form of the fault suite, and the proof that it detects planted bugs. `make faults` runs the long form."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import schedule
from tests.faults.__main__ import run
from tests.faults.checker import FIGURES, Out, check
from tests.faults.ledger_server import digest, story, url_of
from tests.faults.mutants import BUGS
from tests.support.kafka import BEFORE, CURRENT, NoKafka, jars

LEDGER = {url_of(0, n): [digest(*story(0, n, r)) for r in range(2)] for n in range(5)}
WIRE = [
    Out(url, revision_digest, f"id{url}", r + 1, n % 2, (n % 2, 2 * n + r))
    for n, (url, digests) in enumerate(LEDGER.items())
    for r, revision_digest in enumerate(digests)
]
COUNTERS = {
    "poll": {"received": 10, "new": 10, "unchanged": 0, "failed": 0},
    "desk": {"received": 10, "new": 5, "revised": 5, "duplicate": 0, "filtered": 0, "failed": 0},
}


def test_checker_accepts_run_without_faults() -> None:
    report = check(LEDGER, WIRE, counters=COUNTERS, items=10)
    assert report.ok, report


def test_checker_rejects_run_without_articles() -> None:
    assert not check({}, []).ok
    assert not check(LEDGER, []).ok


URL, OTHER = url_of(0, 4), url_of(0, 3)
PLANTS: dict[str, tuple[Any, ...]] = {
    "lost": (LEDGER, WIRE[:-1]),
    "dup": (LEDGER, [*WIRE, WIRE[-1]._replace(source=(0, 99), revision=3)]),
    "both": (LEDGER, WIRE, [URL]),
    "phantom": (LEDGER, [*WIRE, WIRE[0]._replace(url="https://truth.example/x", id="x", source=(1, 99))]),
    "corrupt": (LEDGER, [*WIRE, WIRE[-1]._replace(digest="half", revision=3, source=(0, 99))]),
    "order": (LEDGER, [*WIRE[:-2], WIRE[-1]._replace(revision=1), WIRE[-2]._replace(revision=2, source=(0, 99))]),
    "fence": (LEDGER, [*WIRE[:-1], WIRE[-1]._replace(source=(0, 3))]),
}


@pytest.mark.parametrize("figure", PLANTS)
def test_checker_detects_each_violation(figure: str) -> None:
    report = check(*PLANTS[figure])
    assert report.figures[figure] > 0
    assert not report.ok


@pytest.mark.parametrize(
    ("stage", "outcome", "items"), [("poll", "new", 10), ("desk", "new", 10), ("desk", "revised", 10), ("", "", 11)]
)
def test_checker_detects_inconsistent_counters(stage: str, outcome: str, items: int) -> None:
    counters = {s: {n: c + (s == stage and n == outcome) for n, c in counts.items()} for s, counts in COUNTERS.items()}
    assert check(LEDGER, WIRE, counters=counters, items=items).figures["conserve"] > 0


async def test_embedded_survives_random_faults(tmp_path: Path) -> None:
    result = await run(seed=7, faults=16, pace_s=0.4, articles=150, folder=tmp_path)
    assert result["ok"], json.dumps(result, default=str)
    assert result["articles"] > 100  # the number depends on the machine; a run with almost no articles proves nothing


async def test_clock_jumps_lose_nothing(tmp_path: Path) -> None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("no libfaketime on this machine")
    result = await run(7, 10, kinds=schedule.CLOCK, clock=found[0], pace_s=0.8, folder=tmp_path)
    assert result["ok"], json.dumps(result, default=str)


@pytest.mark.faults  # 48 s of CPU time; `make test` kills and freezes nodes and workers in tests/contract/brokers
@pytest.mark.parametrize("version", [CURRENT, BEFORE])
async def test_kafka_survives_random_faults(tmp_path: Path, version: str) -> None:
    try:
        jars(version)
    except NoKafka as exc:
        pytest.skip(f"no Kafka: {exc}")
    result = await run(seed=7, faults=8, pace_s=0.8, kafka=version, folder=tmp_path)
    assert result["ok"], json.dumps(result, default=str)


@pytest.mark.faults
async def test_kafka_survives_rebalances(tmp_path: Path) -> None:
    try:
        jars(CURRENT)
    except NoKafka as exc:
        pytest.skip(f"no Kafka: {exc}")
    kinds = schedule.REBALANCES
    result = await run(seed=72, faults=10, pace_s=2.5, kinds=kinds, kafka=CURRENT, folder=tmp_path)
    assert result["ok"], json.dumps(result, default=str)


# For each bug: the faults that reveal it, their number, and the figures of which one must be above 0.
CATCHES: dict[str, tuple[dict[Any, int], int, set[str]]] = {
    "ack_before_publish": ({schedule.kill_busy_desk: 1}, 4, {"lost"}),
    "remember_after_publish": ({schedule.kill_busy_desk: 1}, 4, {"dup"}),
    "remember_before_append": ({schedule.kill_poller: 1}, 10, {"lost"}),
    "trim_too_early": ({schedule.storm: 1}, 2, {"lost"}),
    "drop_on_exception": ({schedule.kill_valkey: 1, schedule.cut: 2, schedule.reset: 2}, 10, {"lost"}),
    "no_fence": ({schedule.freeze_desk: 1}, 10, {"fence", "dup", "order", "conserve"}),
    "half_cleaned": ({}, 0, {"corrupt"}),
    "dead_letter_too": ({}, 0, {"both"}),
    "forgetful": ({}, 0, {"dup"}),
    "commits_at_end": ({schedule.roll: 1}, 1, {"lost"}),
    "uncounted": ({}, 0, {"conserve"}),
    "member_commits_early": ({schedule.kill_member: 1}, 6, {"member_lost"}),
    "hook_twice": ({}, 0, {"hook_dup"}),
    "hook_skips": ({}, 0, {"hook_lost"}),
}
# Small steps and a backlog, so that faults hit workers in the middle of a step.
BUSY: dict[str, Any] = {
    "news": 20,
    "desk_batch_size": 5,
    "max_desk_lag": 800,
    "chaos": 0.0,
    "pace_s": 1.0,
    "patience_s": 40,
    "articles": 300,  # without faults, too: a bug shows in some of them only
}


@pytest.mark.faults
@pytest.mark.parametrize("bug", BUGS)
async def test_planted_bug_is_detected(bug: str, tmp_path: Path) -> None:
    kinds, faults, figures = CATCHES[bug]
    for seed in range(4):  # a bug shows only with some fault sequences
        folder = tmp_path / str(seed)
        folder.mkdir()
        result = await run(seed, faults, kinds=kinds, bug=bug, folder=folder, **BUSY)
        if any(result[figure] for figure in figures):
            assert not result["ok"]
            return
    pytest.fail(f"{bug} wasn't caught: {result}")


def test_checker_covers_every_invariant() -> None:
    assert {*PLANTS, "conserve"} == set(FIGURES)
    assert set(CATCHES) == set(BUGS)
    assert len(BUGS) >= 8
