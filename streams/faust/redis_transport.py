"""The Faust transport for `valkey://` and `redis://`, registered under `faust.transports`.

The URL's query may hold `lease` (seconds), `name` (a worker's own, to take over from its dead self) and `namespace`.
"""

from typing import Any

import redis
from faust.transport import base

from streams.brokers.redis_streams.broker import NAMESPACE, RedisStreamsBroker
from streams.faust.redis_consumer import Consumer
from streams.faust.redis_producer import Producer


class Transport(base.Transport):
    """Streams in Valkey or Redis as Faust topics."""

    Consumer = Consumer
    Producer = Producer
    default_port = 6379
    driver_version = f"redis-py={redis.__version__}"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        url = self.url[0]
        self.log_ = RedisStreamsBroker(
            str(url.with_query(None)),
            partitions=self.app.conf.topic_partitions,
            namespace=url.query.get("namespace", NAMESPACE),
        )
