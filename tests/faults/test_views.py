"""The checks of deliveries wait for a slow webhook, and end when nothing arrives any more."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.__main__ import _views

WIRE = [(f"story-{number}", 1) for number in range(6)]


class SlowFleet(SimpleNamespace):
    """A fleet whose webhook receives one more event at each look, up to *received*."""

    def subscribers(self) -> dict[str, list[tuple[str, int]]]:
        self.looks += 1
        hook = WIRE[: min(self.looks, self.received)]
        return {"tail": WIRE, "member-1": WIRE, "member-2": [], "hook": hook}


@pytest.mark.parametrize(("received", "lost"), [(6, 0), (4, 2)])
async def test_views_wait_while_deliveries_continue(received: int, lost: int) -> None:
    truth = SimpleNamespace(unconfirmed_hooks=0)
    fleet: Any = SlowFleet(looks=0, received=received, hits=Counter(), truth=truth)
    views = await _views(fleet, set(WIRE), patience_s=0.1)  # less than the time between two looks
    assert {name: count for name, count in views.items() if count} == ({"hook_lost": lost} if lost else {})
