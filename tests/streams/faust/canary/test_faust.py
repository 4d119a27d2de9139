"""Canaries for the private behaviour of Faust that copydesk depends on. After a failure, review streams/faust."""

import inspect

import faust
from faust.streams import Stream
from faust.transport import base
from faust.transport.consumer import Consumer
from faust.transport.drivers import by_url

from streams.faust.agents import NullMonitor
from streams.faust.redis_transport import Transport


def test_faust_version_is_reviewed_one() -> None:
    assert faust.__version__ == "0.15.3"


def test_transports_resolve_by_url_scheme() -> None:
    assert by_url("valkey://x") is Transport
    assert by_url("redis://x") is Transport
    assert by_url("guarded+kafka://x").__module__ == "streams.faust.kafka_transport"


def test_consumer_has_overridden_and_called_members() -> None:
    for name in ("_new_offset", "_drain_messages", "_wait_next_records", "_get_active_partitions", "_add_gap",
                 "on_partitions_revoked", "on_partitions_assigned", "ack", "getmany", "on_buffer_drop"):  # fmt: skip
        assert callable(getattr(Consumer, name)), name
    source = inspect.getsource(Consumer.__init__)
    assert all(
        f"self.{name} =" in source
        for name in ("_acked", "_read_offset", "_unacked_messages", "_commit_every", "suspend_flow")
    )
    assert "if r_offset is None or offset >= r_offset" in inspect.getsource(Consumer._drain_messages)


def test_take_events_acks_after_batch() -> None:
    source = inspect.getsource(Stream.take_events)
    assert source.index("yield list(events)") < source.index("await self.ack(event)")


def test_stream_skips_stale_generations() -> None:
    assert "message.generation_id != self.app.consumer_generation_id" in inspect.getsource(Stream._py_aiter)
    assert faust.types.AppT.consumer_generation_id == 0


def test_null_monitor_overrides_existing_methods() -> None:
    from faust.sensors.monitor import Monitor

    overridden = {n for n in vars(NullMonitor) if n.startswith(("on_", "track_"))}
    assert all(hasattr(Monitor, name) for name in overridden)


def test_transport_implements_abstract_members() -> None:
    assert issubclass(Transport, base.Transport)
    missing = {n for n in dir(Consumer) if getattr(getattr(Consumer, n), "__isabstractmethod__", False)}
    assert not {n for n in missing if getattr(getattr(Transport.Consumer, n), "__isabstractmethod__", False)}
