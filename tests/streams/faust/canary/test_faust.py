"""Canaries: private behaviour of Faust that copydesk leans on. When one of these falls, read streams/ before upgrading."""

import inspect

import faust
from faust.streams import Stream
from faust.transport import base
from faust.transport.consumer import Consumer
from faust.transport.drivers import by_url

from streams.faust.agents import NullMonitor
from streams.faust.redis_transport import Transport


def test_it_is_the_version_that_was_read() -> None:
    assert faust.__version__ == "0.15.3"


def test_transports_are_found_by_url_scheme() -> None:
    assert by_url("valkey://x") is Transport
    assert by_url("redis://x") is Transport
    assert by_url("guarded+kafka://x").__module__ == "streams.brokers.kafka.broker"


def test_the_consumer_still_has_what_ours_overrides_and_calls() -> None:
    for name in ("_new_offset", "_drain_messages", "_wait_next_records", "_get_active_partitions", "_add_gap",
                 "on_partitions_revoked", "on_partitions_assigned", "ack", "getmany", "on_buffer_drop"):  # fmt: skip
        assert callable(getattr(Consumer, name)), name
    source = inspect.getsource(Consumer.__init__)
    assert all(
        f"self.{name} =" in source
        for name in ("_acked", "_read_offset", "_unacked_messages", "_commit_every", "suspend_flow")
    )
    assert "if r_offset is None or offset >= r_offset" in inspect.getsource(Consumer._drain_messages)


def test_take_events_acks_only_after_its_batch_was_used() -> None:
    source = inspect.getsource(Stream.take_events)
    assert source.index("yield list(events)") < source.index("await self.ack(event)")


def test_stale_generations_are_skipped_and_generations_are_counted() -> None:
    assert "message.generation_id != self.app.consumer_generation_id" in inspect.getsource(Stream._py_aiter)
    assert faust.types.AppT.consumer_generation_id == 0


def test_the_monitor_has_no_new_per_message_work() -> None:
    from faust.sensors.monitor import Monitor

    quiet = {n for n in vars(NullMonitor) if n.startswith(("on_", "track_"))}
    assert all(hasattr(Monitor, name) for name in quiet)


def test_the_transport_is_what_faust_expects() -> None:
    assert issubclass(Transport, base.Transport)
    missing = {n for n in dir(Consumer) if getattr(getattr(Consumer, n), "__isabstractmethod__", False)}
    assert not {n for n in missing if getattr(getattr(Transport.Consumer, n), "__isabstractmethod__", False)}
