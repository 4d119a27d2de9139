"""WebSub with a hub on loopback: discovery, challenge, signed pushes, renewal, and polls when the hub fails."""

import hashlib
import hmac
import time
from dataclasses import replace

import msgspec
import pytest
from aiohttp import web

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from tests.support.websub_hub import Hub, active, callback, with_hub
from workers.http.client import HttpClient
from workers.poller.registry import WEBSUB, WEBSUB_TOKENS, FeedRegistry
from workers.poller.websub import LEASE_S, RETRY_S, HubSubscription, WebSub, parse_link_header, verify_signature
from workers.services import connect

ONE = ("https://a.example/1", "One", BODY)
TWO = ("https://a.example/2", "Two", BODY + MORE)


async def test_pushed_items_are_published_without_a_poll(settings: Settings) -> None:
    async with (
        FeedServer() as server,
        Hub() as hub,
        callback(settings) as served,
        newsdesk(served, server) as broker,
    ):
        feed = server.url + "f"
        server.answers["f"] = lambda r: web.Response(
            body=with_hub(hub, ONE), headers={"Retry-After": "9"} if server.requests["f"] > 2 else {}
        )
        await FeedRegistry(broker.state).add([(feed, "")])
        await settled(broker, {"new": 1})
        subscription = await active(broker, feed)
        assert hub.verified == [(200, "c<h>1")]
        assert (hub.requests[0]["hub.mode"], hub.requests[0]["hub.topic"]) == (
            "subscribe",
            "https://a.example/topic",
        )
        assert subscription.expires_s == pytest.approx(time.time() + 864_000, abs=60)
        server.answers["f"] = lambda r: web.Response(status=503)  # unavailable by polling
        assert await hub.push(rss([TWO]), secret="not the secret") == 202
        assert await hub.push(rss([TWO]), method="sha512") == 202
        await settled(broker, {"new": 2})
        assert await hub.push(rss([TWO])) == 202
        assert await hub.push(b"x" * (1024 * 1024 + 1)) == 202, "too long, so the feed is polled"
        server.answers["f"] = with_hub(hub, TWO, ONE)
        polls = server.statuses[200]
        await FeedRegistry(broker.state).poll_now([feed])
        await until(lambda: server.statuses[200] > polls)
        counters = await settled(broker, {"new": 2})
        assert counters["desk"]["received"] == 2, "pushed items are known at the next poll"
        assert sorted(a.title for a in await everything(settings, "articles")) == ["One", "Two"]
        assert len(hub.requests) == 1, "one request, not one per poll"
        assert await hub.push(rss([ONE]), callback=served.websub_callback_url + "websub/unknown-token") == 410
        await FeedRegistry(broker.state).remove([feed])
        assert await hub.push(rss([ONE])) == 410


async def tokens(broker: Broker) -> list[bytes]:
    return await broker.state.hkeys(WEBSUB_TOKENS)


async def test_feed_with_changing_hub_is_bounded(settings: Settings) -> None:
    """A feed that names another topic in each poll has one token, and requests one subscription an hour."""
    broker = await connect(settings, settings.broker_url)
    feed, websub, start_s = "https://a.example/f", WebSub(broker.state, "http://me.example"), time.time()
    await FeedRegistry(broker.state).add([(feed, "")])
    async with Hub() as hub, HttpClient(replace(settings, allowed_private_hosts="127.0.0.1:*")) as http:
        hub.status = 204  # it verifies nothing
        for minutes in range(0, 150, 10):
            topic = f"https://a.example/{minutes}"
            await websub.ensure_subscribed(http, feed, hub.url, topic, start_s + 60 * minutes)
        topics = [request["hub.topic"] for request in hub.requests]
        assert topics == [f"https://a.example/{minutes}" for minutes in (0, 60, 120)]
        callbacks = [request["hub.callback"].rpartition("/")[2] for request in hub.requests]
        assert await tokens(broker) == [callbacks[-1].encode()]
        assert await websub.get_by_token(callbacks[0]) is None
        await FeedRegistry(broker.state).remove([feed])
        assert await tokens(broker) == []
        await websub.ensure_subscribed(http, feed, hub.url, topics[0], start_s)
        assert len(hub.requests) == 3, "the feed was removed during its poll"
    assert await tokens(broker) == await broker.state.hkeys(WEBSUB) == []
    await broker.close()


async def test_feed_with_damaged_subscription_is_removed(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    feed, feeds = "https://a.example/f", FeedRegistry(broker.state)
    await feeds.add([(feed, "")])
    await broker.state.hset(WEBSUB, feed, b"no subscription")
    assert await feeds.remove([feed]) == [feed]
    assert await broker.state.hkeys(WEBSUB) == []
    await broker.close()


@pytest.mark.parametrize("failure", ["refuses", "denies", "is gone"])
async def test_websub_feed_still_polled_when_hub_silent(failure: str, settings: Settings) -> None:
    async with (
        FeedServer() as server,
        Hub() as hub,
        callback(settings) as served,
        newsdesk(served, server) as broker,
    ):
        hub.status, hub.mode = 500 if failure == "refuses" else 202, "denied"
        link = f'<{hub.url if failure != "is gone" else "http://127.0.0.1:1/"}>; rel="hub", </topic>; rel=self'
        server.answers["f"] = lambda r: web.Response(body=rss([ONE]), headers={"Link": link})
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 1})
        server.answers["f"] = lambda r: web.Response(body=rss([TWO, ONE]), headers={"Link": link})
        await settled(broker, {"new": 2})
        assert [a["hub.topic"] for a in hub.requests] == ([] if failure == "is gone" else [server.url + "topic"])
        subscription = await WebSub(broker.state, "").get(server.url + "f")
        assert subscription is not None
        assert subscription.denied is (failure == "denies")
        assert not subscription.is_active(time.time())


async def test_websub_challenge_requires_pending_subscription(settings: Settings) -> None:
    broker = open_broker(settings)
    websub = WebSub(broker.state, "http://me.example")
    subscription = HubSubscription(
        "https://a.example/f", "https://hub.example/", "https://a.example/t", "token", "s", time.time()
    )
    await broker.state.hset(WEBSUB, subscription.feed, msgspec.json.encode(subscription))
    await broker.state.hset(WEBSUB + ":tokens", subscription.token, subscription.feed)
    assert not await websub.verify("other", "subscribe", subscription.topic, "60")
    assert not await websub.verify("token", "subscribe", "https://a.example/other", "60")
    assert not await websub.verify("token", "unsubscribe", subscription.topic, "60")
    assert await websub.verify("token", "subscribe", subscription.topic, "60")
    late = msgspec.structs.replace(subscription, requested_s=time.time() - RETRY_S - 1)
    await broker.state.hset(WEBSUB, subscription.feed, msgspec.json.encode(late))
    assert not await websub.verify("token", "subscribe", subscription.topic, "60")
    await broker.close()


@pytest.mark.parametrize(
    ("requested_s", "active_since_s", "expires_s", "denied", "due"),
    [
        (0, 0, 0, False, True),  # never requested
        (9_000, 0, 0, False, False),  # requested a moment ago
        (6_000, 0, 0, False, True),  # requested an hour ago, not verified since
        (0, 1_000, 1_000 + LEASE_S, False, False),  # active
        (0, 1_000, 11_500, False, True),  # active, after four fifths of the lease
        (9_500, 1_000, 11_500, False, False),  # renewal requested already
        (6_000, 0, 0, True, False),  # denied, retried after a day
        (20_000, 20_000, 90_000, False, True),  # the clock was put back
    ],
)
def test_websub_renewal_schedule(
    requested_s: float, active_since_s: float, expires_s: float, denied: bool, due: bool
) -> None:
    subscription = HubSubscription("f", "h", "t", "k", "s", requested_s, active_since_s, expires_s, denied)
    assert subscription.is_due(10_000) is due


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_verify_signature(method: str) -> None:
    digest = hmac.new(b"secret", b"body", getattr(hashlib, method)).hexdigest()
    assert verify_signature("secret", f"{method}={digest}", b"body")
    assert verify_signature("secret", f"{method.upper()}={digest.upper()}", b"body")
    for wrong in (f"{method}={digest[:-1]}0x", f"md5={digest}", digest, "", f"{method}=", "sha256=é"):
        assert not verify_signature("secret", wrong, b"body")


def test_parse_link_header() -> None:
    value = (
        '<https://h.example/>; rel="hub", </f>; rel=self; type="a,b", <x>; title="rel", <https://g.example>; rel="hub"'
    )
    assert parse_link_header(value, "https://a.example/") == {
        "hub": "https://h.example/",
        "self": "https://a.example/f",
    }
    assert parse_link_header("<" * 10_000, "https://a.example/") == {}
