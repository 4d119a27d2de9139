"""The client of the shared state: error mapping and URLs."""

import pytest
from redis.exceptions import ResponseError

from streams.config.sources import redact_url
from streams.errors import SettingsError, UnavailableError
from streams.state.redis_client import connect
from streams.state.store import StateStore
from streams.valkey.server import EmbeddedValkey


async def get(state: StateStore) -> None:
    await state.get("k")


async def run_pipeline(state: StateStore) -> None:
    async with state.pipeline() as pipe:
        pipe.get("k")
        await pipe.execute()


async def run_script(state: StateStore) -> None:
    await state.register_script("return 1")(keys=[], args=[])


@pytest.mark.parametrize("command", [get, run_pipeline, run_script])
@pytest.mark.parametrize("url", ["valkey://user:secret@127.0.0.1:1", "valkey:///tmp/no/such.sock"])
async def test_state_unreachable_server_raises_unavailable(url: str, command: object) -> None:
    with pytest.raises(UnavailableError, match="broker unavailable: valkey://") as failure:
        state = connect(url)
        try:
            await command(state)  # type: ignore[operator]
        finally:
            await state.aclose()
    assert "secret" not in str(failure.value)


async def test_state_wrong_command_raises_response_error(valkey_server: EmbeddedValkey) -> None:
    """A bug is not mapped to a temporary failure."""
    state = connect(valkey_server.url)
    try:
        with pytest.raises(ResponseError):
            await state.execute_command("NOSUCH")
        async with state.pipeline(transaction=False) as pipe:
            pipe.execute_command("NOSUCH")
            [reply] = await pipe.execute(raise_on_error=False)
        assert isinstance(reply, ResponseError)
    finally:
        await state.aclose()


def test_connect_invalid_database_hides_password() -> None:
    with pytest.raises(SettingsError, match="invalid database number: 'x'") as refused:
        connect("redis://user:secret@127.0.0.1:1/x")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("redis://user:pa@ss@h:1/2", "redis://h:1/2"),
        ("valkey://:12/34@h:1", "valkey://h:1"),
        ("valkey://h:1", "valkey://h:1"),
        ("valkey:///tmp/a.sock", "valkey:///tmp/a.sock"),
        ("kafka://a:1,b:2", "kafka://a:1,b:2"),
    ],
)
def test_redact_url_removes_credentials(url: str, redacted: str) -> None:
    assert redact_url(url) == redacted


async def test_script_is_loaded_after_flush(valkey_server: EmbeddedValkey) -> None:
    state = connect(valkey_server.url)
    script = state.register_script("return {KEYS[1], ARGV[1], #ARGV}")
    assert await script(keys=["k"], args=["a", "b"]) == [b"k", b"a", 2]
    await state.execute_command("SCRIPT FLUSH")
    assert await script(keys=["k"], args=["c"]) == [b"k", b"c", 1]
    await state.aclose()
