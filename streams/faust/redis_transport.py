"""The Faust transport for `valkey://` and `redis://`, registered as an entry point of `faust.transports`.

Query parameters of the URL: `lease` in seconds, `name` (stable worker name, for an immediate takeover after a restart)
and `namespace`.
"""

from typing import Any

import redis
from faust.transport import base

from streams.brokers.redis_streams.broker import NAMESPACE, RedisStreamsBroker
from streams.faust.redis_consumer import Consumer
from streams.faust.redis_producer import Producer


class Transport(base.Transport):
    """Redis Streams as Faust topics."""

    Consumer = Consumer
    Producer = Producer
    default_port = 6379
    driver_version = f"redis-py={redis.__version__}"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        url = self.url[0]
        self.streams = RedisStreamsBroker(
            str(url.with_query(None)),
            partitions=self.app.conf.topic_partitions,
            namespace=url.query.get("namespace", NAMESPACE),
        )
