"""Support for tests of programs that use copydesk.

broker = InMemoryBroker()
await broker.publish([OutgoingMessage("copydesk.articles", b"a", encode(Article(id="a", revision=1)))])
articles = subscribe("articles", follow=False, settings=Settings(broker_url=broker.url))
"""

from streams.brokers.base import Condition, OutgoingMessage
from streams.brokers.memory.broker import InMemoryBroker

__all__ = ["Condition", "InMemoryBroker", "OutgoingMessage"]
