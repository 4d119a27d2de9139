"""Commands of Valkey and Redis that the interface StateStore lacks: copydesk sends them nowhere."""

from typing import Any

from streams.state.store import StateStore


def server_commands(state: StateStore) -> Any:
    """Return the client of redis-py behind *state*."""
    return state
