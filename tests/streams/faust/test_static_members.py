"""The name of a worker makes it a static member of its group on Kafka only."""

import pytest

from streams.config.settings import Settings
from streams.faust.agents import create_app

KAFKA, VALKEY = "kafka://a.example:9092", "valkey://a.example:6379"


@pytest.mark.parametrize(
    ("url", "name", "expected"), [(KAFKA, "desk-1", "desk-1"), (KAFKA, "", None), (VALKEY, "desk-1", None)]
)
def test_named_worker_on_kafka_is_static(url: str, name: str, expected: str | None) -> None:
    settings = Settings(broker_url=url, state_url=VALKEY)
    assert create_app(settings, "group", name=name).conf.consumer_group_instance_id == expected
