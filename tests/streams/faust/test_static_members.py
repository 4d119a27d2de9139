"""Membership of an app in its group on Kafka: a static member if it has a name; frequent heartbeats."""

import pytest

from streams.config.settings import Settings
from streams.faust.agents import REBALANCE_TIMEOUT_S, create_app
from streams.faust.consumer_mixins import HANDOVER_S

KAFKA, VALKEY = "kafka://a.example:9092", "valkey://a.example:6379"


@pytest.mark.parametrize(
    ("url", "name", "expected"), [(KAFKA, "desk-1", "desk-1"), (KAFKA, "", None), (VALKEY, "desk-1", None)]
)
def test_named_worker_on_kafka_is_static(url: str, name: str, expected: str | None) -> None:
    settings = Settings(broker_url=url, state_url=VALKEY)
    assert create_app(settings, "group", name=name).conf.consumer_group_instance_id == expected


@pytest.mark.parametrize("lease_timeout_s", [0.5, 6.0, 85.0])
def test_heartbeats_permit_joining_a_rebalance_in_time(lease_timeout_s: float) -> None:
    """A member learns of a rebalance by a heartbeat, then waits for its current step."""
    settings = Settings(broker_url=KAFKA, state_url=VALKEY, lease_timeout_s=lease_timeout_s, item_timeout_s=0.1)
    assert create_app(settings, "group").conf.broker_heartbeat_interval + HANDOVER_S < REBALANCE_TIMEOUT_S
