"""Webhook failures: the receiver's response in dead letters, and redirects."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from streams.config.settings import Settings
from tests.conftest import until
from tests.support.subscribers import article
from tests.support.webhooks import Receiver, delivering
from workers import dead_letters
from workers.http.client import Response
from workers.sinks.http_sink import MAX_DETAIL_CHARS, describe_failure


async def letter_of(settings: Settings, respond: Callable[[web.Request], Coroutine[Any, Any, web.Response]]) -> str:
    """Return the error of the dead letter of an article to which the receiver responds with *respond*."""
    receiver = Receiver()
    receiver.handle = respond  # type: ignore[method-assign, assignment]
    async with delivering(settings, receiver) as (broker, _, _):
        await broker.publish([article("a")])
        letters: list[dead_letters.PendingLetter] = []

        async def pending() -> bool:
            letters[:] = await dead_letters.select(broker, [])
            return bool(letters)

        await until(pending)
        return letters[0].letter.error


async def test_dead_letter_contains_response_of_receiver(settings: Settings) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=422, text='{"detail":\n"unknown section \x1b]0;x\x07"}' + "y" * 9_000)

    error = await letter_of(settings, respond)
    assert 'HTTP 422: {"detail": "unknown section ' in error
    assert "\x1b" not in error
    assert len(error) < MAX_DETAIL_CHARS + 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_webhook_redirect_is_not_followed(status: int, settings: Settings) -> None:
    paths: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "https://user:key@elsewhere.example/in/TOKEN?k=TOKEN"})

    error = await letter_of(settings, respond)
    assert f"HTTP {status}: redirect to elsewhere.example, not followed; set url" in error
    assert "TOKEN" not in error
    assert "user:key" not in error
    assert paths == ["/hook"]


def test_describe_failure_without_body() -> None:
    assert describe_failure(Response(400, "http://a.example/", b"", {}, 1)) == "HTTP 400"


@pytest.mark.parametrize("location", ["", "/in/TOKEN", "http://[TOKEN", "//user:TOKEN@/in"])
def test_describe_failure_of_redirect_without_host(location: str) -> None:
    response = Response(302, "http://a.example/", b"TOKEN", {"location": location}, 1)
    assert describe_failure(response) == "HTTP 302: redirect to another path, not followed; set url to the new URL"
