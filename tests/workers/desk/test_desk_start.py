"""The start of a desk: it owns no partition before it can clean."""

from pathlib import Path

from streams.brokers.base import OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import encode
from streams.config.settings import Settings
from streams.topics import DESK_GROUP, ITEMS
from tests.conftest import until
from tests.support.cleaning import make_item
from tests.support.fork_server import start_module
from tests.support.ports import free_port
from workers.services import connect


async def test_desk_without_cleaning_process_owns_nothing(settings: Settings, tmp_path: Path) -> None:
    """Its items would wait, although another desk could clean them."""
    broker = await connect(settings, settings.broker_url)
    assert isinstance(broker, RedisStreamsBroker)
    await broker.publish([OutgoingMessage(ITEMS.name, b"k", encode(make_item(1)))])
    environ = {"WAITING_FOLDER": str(tmp_path)}
    desk = start_module(
        "tests.workers.desk.waiting_desk", "--broker-url", settings.broker_url, cwd=tmp_path, environ=environ
    )
    try:
        await until((tmp_path / "begun").exists, what="the start of the first cleaning process")
        assert await broker.state.hgetall(broker.key("leases", DESK_GROUP)) == {}
        (tmp_path / "go").touch()

        async def is_handled() -> bool:
            return await broker.lag(ITEMS.name, DESK_GROUP) == 0

        await until(is_handled, what="the item")
    finally:
        desk.kill()
        desk.wait()
        await broker.close()


async def test_desk_imports_cleaner_while_broker_is_down(tmp_path: Path) -> None:
    """A restarted desk then cleans as soon as the broker answers."""
    desk = start_module("workers.cli", "desk", "--broker-url", f"valkey://127.0.0.1:{free_port()}", cwd=tmp_path)
    try:
        await until(lambda: "workers.desk.cleaning_process" in commands_of_children(desk.pid), what="the fork server")
    finally:
        desk.kill()
        desk.wait()


def commands_of_children(pid: int) -> str:
    """Return the command lines of the children of process *pid*."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(command for child in children if (command := command_of(child)))


def command_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:  # it has ended
        return ""
