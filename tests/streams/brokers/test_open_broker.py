"""The registry of brokers."""

import subprocess
import sys

import pytest

from streams.brokers import OPENERS, open_broker
from streams.config.settings import Settings
from streams.errors import SettingsError
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("url", "class_name"),
    [
        ("valkey://127.0.0.1:1", "RedisStreamsBroker"),
        ("redis://127.0.0.1:1", "RedisStreamsBroker"),
        ("valkey:///tmp/none.sock", "RedisStreamsBroker"),
        ("kafka://127.0.0.1:1,127.0.0.2:1", "KafkaBroker"),
    ],
)
async def test_open_broker_selects_implementation_by_scheme(url: str, class_name: str) -> None:
    broker = open_broker(Settings(broker_url=url, state_url="valkey://127.0.0.1:1" if url[0] == "k" else ""))
    await broker.close()
    assert type(broker).__name__ == class_name


def test_open_broker_unknown_scheme_names_known_ones() -> None:
    with pytest.raises(SettingsError, match="unsupported broker URL: amqp://x") as refused:
        open_broker(Settings(), "amqp://x")
    assert all(scheme in str(refused.value) for scheme in OPENERS)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("streams.brokers.base", ("redis", "aiokafka", "faust")),
        ("streams.brokers.redis_streams.broker", ("aiokafka", "faust")),
        ("streams.brokers.kafka.broker", ("faust",)),
    ],
)
def test_import_of_broker_loads_no_other_client(module: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([m for m in {unwanted!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
