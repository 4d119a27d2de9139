"""The contract of every sink in SINKS: order, retries, dead letters, restarts, shutdown, errors of its options."""

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings, load_settings
from streams.config.tables import SinkTable
from streams.errors import SettingsError
from streams.records import Article, MessageId
from streams.topics import ARTICLES
from tests.conftest import until
from tests.contract.sinks.samples import SAMPLES
from tests.support.extras import require_module
from tests.support.subscribers import article
from workers import dead_letters
from workers.services import connect
from workers.sinks import SINKS, check_sinks, create_sink
from workers.sinks.base import SinkEvent
from workers.sinks.options import example_table
from workers.sinks.runner import SinkRunner

FAILURES = [(name, failure) for name, sample in SAMPLES.items() for failure in sample.fails]
REJECTING = [name for name, failure in FAILURES if failure == "reject"]
TEMPORARY = [(name, failure) for name, failure in FAILURES if failure != "reject"]
INVALID = [(name, line, text) for name, sample in SAMPLES.items() for line, text in sample.invalid.items()]

ARTICLE = Article(id="a", revision=1, title="a ferry sinks")

sinks = pytest.mark.parametrize("type_name", SINKS)


def require_library(type_name: str) -> None:
    module, _ = SINKS[type_name].requires
    if module:
        require_module(module)


def load_tables(folder: Path, *tables: str) -> tuple[SinkTable, ...]:
    """Return the checked `[[sinks]]` tables of a file."""
    path = folder / "copydesk.toml"
    path.write_text("\n".join(tables), "utf-8")
    settings = load_settings(environ={"COPYDESK_CONFIG": str(path)})
    check_sinks(settings)
    return settings.sinks


def table_of(type_name: str, options: dict[str, str], name: str = "first") -> str:
    common = {"type": f'"{type_name}"', "name": f'"{name}"', "start_from": '"start"'}
    return "\n".join(("[[sinks]]", *(f"{key} = {value}" for key, value in (common | options).items())))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Broker, None]:
    broker = await connect(settings, settings.broker_url)
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def delivering(settings: Settings, broker: Broker, table: SinkTable) -> AsyncGenerator[None, None]:
    """Run the sink during the block."""
    runner = SinkRunner(settings, broker, table, create_sink(settings, table), initial_delay_s=0.02)
    task = asyncio.create_task(runner.run())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_every_sink_has_a_sample() -> None:
    assert set(SAMPLES) == set(SINKS)


@sinks
async def test_sink_delivers_in_order(type_name: str, settings: Settings, tmp_path: Path) -> None:
    async with opened(settings) as broker, SAMPLES[type_name](tmp_path) as destination:
        [table] = load_tables(tmp_path, table_of(type_name, destination.options()))
        await broker.publish([article(id_, n) for n in (1, 2, 3) for id_ in ("a", "b")])
        async with delivering(settings, broker, table):
            events = [f"{id_}.{n}" for id_ in ("a", "b") for n in (1, 2, 3)]
            await until(lambda: sorted(destination.delivered()) == destination.expected(*events))
        for id_ in ("a", "b"):
            of_article = [e for e in destination.delivered() if e[0] == id_]
            assert of_article == destination.expected(*(f"{id_}.{n}" for n in (1, 2, 3)))


@pytest.mark.parametrize(("type_name", "failure"), TEMPORARY)
async def test_sink_retries_temporary_failure(
    type_name: str, failure: str, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(settings) as broker, SAMPLES[type_name](tmp_path) as destination:
        [table] = load_tables(tmp_path, table_of(type_name, destination.options()))
        await destination.fail(failure)
        await broker.publish([article("a"), article("a", 2)])
        async with delivering(settings, broker, table):
            await until(lambda: caplog.text.count("delivery failed") >= 2)
            assert destination.delivered() == []
            await destination.recover()
            await until(lambda: destination.delivered() == destination.expected("a.1", "a.2"))
        assert not await dead_letters.select(broker, [])


@pytest.mark.parametrize("type_name", REJECTING)
async def test_sink_dead_letter_replays_to_it_only(type_name: str, settings: Settings, tmp_path: Path) -> None:
    async def letters() -> Any:
        return await dead_letters.select(broker, [])

    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
    async with (
        opened(settings) as broker,
        SAMPLES[type_name](folders[0]) as first,
        SAMPLES[type_name](folders[1]) as second,
    ):
        tables = load_tables(
            tmp_path, table_of(type_name, first.options()), table_of(type_name, second.options(), "second")
        )
        await first.fail("reject")
        await broker.publish([article("a")])
        async with delivering(settings, broker, tables[0]), delivering(settings, broker, tables[1]):
            [letter] = await until(letters)
            assert (letter.letter.sink, letter.letter.error_kind) == ("first", "sink")
            assert "a.1 from copydesk.articles/" in letter.letter.error
            await first.recover()
            await broker.publish([article("a", 2)])
            await until(lambda: first.delivered() == ["a.2"])
            assert await dead_letters.replay(broker, letter)
            await until(lambda: first.delivered() == first.expected("a.2", "a.1"))
            await until(lambda: second.delivered() == second.expected("a.1", "a.2"))
        assert not await letters()


@sinks
async def test_sink_restart_resumes_at_its_commit(type_name: str, settings: Settings, tmp_path: Path) -> None:
    async with opened(settings) as broker, SAMPLES[type_name](tmp_path) as destination:
        [table] = load_tables(tmp_path, table_of(type_name, destination.options()))
        for revision in (1, 2):
            await broker.publish([article("a", revision)])
            async with delivering(settings, broker, table):
                await until(functools.partial(has_committed, broker, revision))
        assert destination.delivered() == destination.expected("a.1", "a.2")


async def has_committed(broker: Broker, count: int) -> bool:
    """Return whether the group of the sink has committed *count* messages."""
    offsets = await broker.state.hgetall("copydesk:offsets:sink.first")
    return sum(map(int, offsets.values())) >= count


@sinks
async def test_sink_close_leaves_no_task(type_name: str, settings: Settings, tmp_path: Path) -> None:
    async with SAMPLES[type_name](tmp_path) as destination:
        [table] = load_tables(tmp_path, table_of(type_name, destination.options()))
        unused, sink = create_sink(settings, table), create_sink(settings, table)
        await unused.close()
        await sink.deliver([SinkEvent(MessageId(ARTICLES.name, 0, 0), ARTICLE)])
        assert destination.delivered() == ["a.1"]
        await sink.close()
        await sink.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(("type_name", "line", "message"), INVALID)
async def test_sink_option_error_names_file_and_path(type_name: str, line: str, message: str, tmp_path: Path) -> None:
    key, _, value = line.partition(" = ")
    async with SAMPLES[type_name](tmp_path) as destination:
        options = destination.options() | {key: value}
    with pytest.raises(SettingsError) as error:
        load_tables(tmp_path, table_of(type_name, options))
    assert message in str(error.value)
    assert f"sinks[1].{key} 'first' ({tmp_path / 'copydesk.toml'}:" in str(error.value)


@sinks
async def test_sink_refuses_unknown_missing_and_mistyped_keys(type_name: str, tmp_path: Path) -> None:
    async with SAMPLES[type_name](tmp_path) as destination:
        options = destination.options()
    specs = [spec for spec in fields(SINKS[type_name].options_type) if spec.name in options]
    required = [spec.name for spec in specs if spec.default is MISSING]
    assert required
    cases = [(options | {"pigeon": "1"}, "unknown key: sinks[1].pigeon 'first'")]
    cases += [(options | {name: "[1]"}, f"invalid value: sinks[1].{name} 'first'") for name in options]
    cases += [({k: v for k, v in options.items() if k != n}, f"missing key: sinks[1].{n} 'first'") for n in required]
    for case, message in cases:
        with pytest.raises(SettingsError) as error:
            load_tables(tmp_path, table_of(type_name, case))
        assert message in str(error.value)
        assert f"({tmp_path / 'copydesk.toml'}:" in str(error.value)


@sinks
def test_sink_documents_itself(type_name: str, tmp_path: Path) -> None:
    """The reference consists of the docstring, the options and the example; see docs/generate.py."""
    sink_class = SINKS[type_name]
    require_library(type_name)
    assert inspect.getdoc(sink_class)
    assert (inspect.getdoc(sink_class.options_type) or "").endswith(".")
    assert all(spec.metadata["help"] for spec in fields(sink_class.options_type))
    [table] = load_tables(tmp_path, example_table(type_name, sink_class.options_type))
    assert table.type == type_name


@sinks
def test_sink_repr_hides_secrets(type_name: str, tmp_path: Path) -> None:
    require_library(type_name)
    [table] = load_tables(tmp_path, example_table(type_name, SINKS[type_name].options_type))
    sink = create_sink(Settings(), table)
    for spec in fields(SINKS[type_name].options_type):
        if spec.metadata.get("secret"):
            assert str(getattr(sink.options, spec.name)) not in f"{table!r} {sink.options!r}"
