"""The unit ring: mark tests that start no process and no server, and hold them to it.

A test is marked `unit` when neither its code, its fixtures nor the helpers in `tests` that they call name a starter, and
when it needs no corpus. Names can mislead, so `make unit` verifies them: a unit test that starts a process or binds or
connects a socket fails, by an audit hook.
"""

import sys
from collections.abc import Generator, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import pytest
import urllib3.util.connection  # noqa: F401 - listparser imports it; the import itself binds a socket to probe IPv6

# The names by which a process or a server is started. Library names, and classes of copydesk.
STARTERS = frozenset({
    "subprocess", "Popen", "create_subprocess_exec", "create_subprocess_shell", "multiprocessing", "ProcessPoolExecutor",
    "fork", "TCPSite", "start_server", "create_server", "TestServer", "create_connection", "open_connection", "connect", "EmbeddedValkey", "ParserPool", "CleaningPool", "Newsroom",
    "free_port", "find_server_binary", "WorkerProcess", "bind", "McpServer",
})  # fmt: skip
LONG = frozenset({"faults", "hours", "corpus", "corpus_full", "train", "exhaustive"})
AUDITED = frozenset({"socket.bind", "socket.connect", "subprocess.Popen", "os.posix_spawn", "os.fork", "os.system"})
CORPUS = "shared"  # the fixture of everything that reads ../shared


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the global names and attributes in *code* and in the functions it defines."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


@cache
def is_starter(thing: Any) -> bool:
    """Return whether a function or class starts a process or a server. Many tests share their fixtures."""
    return starts_something(thing, set())


def starts_something(thing: Any, visited: set[Any]) -> bool:
    """Return whether a function or class in `tests` names a starter, itself or through its helpers there."""
    if isinstance(thing, type):
        classes = [base for base in thing.__mro__ if base.__module__.startswith("tests")]
        return any(starts_something(member, visited) for base in classes for member in vars(base).values())
    thing = getattr(thing, "__wrapped__", thing)
    if not isinstance(thing, FunctionType) or thing in visited:
        return False
    visited.add(thing)
    names = set(names_in(thing.__code__))
    named = (thing.__globals__.get(name) for name in names)
    helpers = (helper for value in named for helper in (value.values() if isinstance(value, dict) else (value,)))
    ours = [helper for helper in helpers if str(getattr(helper, "__module__", "")).startswith("tests")]
    return bool(names & STARTERS) or any(starts_something(helper, visited) for helper in ours)


def is_unit(item: pytest.Item) -> bool:
    """Return whether a collected test belongs to the unit ring."""
    if not isinstance(item, pytest.Function) or CORPUS in item.fixturenames:
        return False
    if any(item.get_closest_marker(name) for name in LONG):
        return False
    fixtures = [fixture.func for defs in item._fixtureinfo.name2fixturedefs.values() for fixture in defs[-1:]]
    return not any(is_starter(function) for function in (item.function, *fixtures))


class Guard:
    """Fails a unit test that starts a process or uses a socket."""

    def __init__(self) -> None:
        self.active = False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self.active and event in AUDITED:
            pytest.fail(f"not a unit test: {event}; add the name that starts it to STARTERS in tests/tools/rings.py")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.active = item.get_closest_marker("unit") is not None
        try:
            return (yield)
        finally:
            self.active = False


def pytest_configure(config: pytest.Config) -> None:
    """Install the guard for `-m unit` only: an audit hook costs time in every other run."""
    if config.option.markexpr == "unit":
        config.pluginmanager.register(Guard(), "unit guard")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the unit tests before pytest selects by `-m`."""
    for item in items:
        if is_unit(item):
            item.add_marker("unit")
