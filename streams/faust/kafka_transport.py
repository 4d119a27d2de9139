"""The Faust transport for `guarded+kafka://`: Faust's aiokafka driver with the commit guard."""

from collections.abc import Mapping, Sequence
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.brokers.base import ConsumedMessage
from streams.brokers.kafka.client import security_options
from streams.brokers.kafka.reader import to_message
from streams.config.settings import Settings
from streams.faust.consumer_mixins import CommitGuard, DirectDrain, without_transactional_topics


class Consumer(DirectDrain, CommitGuard, driver.Consumer):
    """Faust's aiokafka consumer, which never commits past unfinished messages or in place of `Transactions`."""

    def _consumed(self, tp: Any, records: Sequence[Any]) -> list[ConsumedMessage]:
        return [to_message(record) for record in records]

    def _to_faust_message(self, tp: TP, record: Any) -> Any:
        return driver.Consumer._to_message(self, tp, record)

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        offsets = without_transactional_topics(self.app, offsets)
        return await super()._commit(offsets) if offsets else True

    def lease_of(self, topic: str, partition: int) -> str:
        """Return "": Kafka fences workers by transactional producers, not by leases."""
        return ""

    async def rewind(self, offsets: Mapping[Any, int]) -> None:
        """Continue reading at *offsets* in the partitions that are still assigned."""
        assigned = self.assignment()
        await self.seek_wait({TP(*tp): offset for tp, offset in offsets.items() if TP(*tp) in assigned})

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's livelock detector reports partitions without messages; `workers.watchdog` finds stalls.

        It also needs figures that `NullMonitor` does not collect.
        """


class Transport(driver.Transport):
    """Faust's aiokafka transport with the commit guard."""

    Consumer = Consumer


def faust_credentials(settings: Settings) -> faust.auth.Credentials | None:
    """Return the TLS and SASL options of *settings* as Faust's credentials."""
    options = security_options(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism, username=settings.kafka_username, password=settings.kafka_password,
            ssl_context=options.get("ssl_context"),
        )  # fmt: skip
    return faust.SSLCredentials(options["ssl_context"]) if "ssl_context" in options else None
