"""The part that the chat sinks share: which articles are posted, and the texts of a message. Pure, except for the POST.

A chat has no idempotency key. A killed process therefore repeats at most one message.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec

from streams.records import Article
from workers.http.client import Response
from workers.sinks.base import DECODE_ERRORS, SinkEvent
from workers.sinks.http_sink import IDENTITY_ENCODING, HttpSink, check_response
from workers.sinks.options import option

MAX_TITLE_CHARS, MAX_SUMMARY_CHARS = 250, 400  # Discord takes 256 for a title, Telegram 4,096 for all
MAX_URL_CHARS = 2_000  # Discord takes 2,048
HEADERS = IDENTITY_ENCODING | {"Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class ChatOptions:
    """Options of every chat."""

    revisions: bool = option("also post later revisions; withdrawals are always posted", default=False, example="false")


@dataclass(frozen=True, kw_only=True)
class ChannelOptions(ChatOptions):
    """Options of a chat whose channels have a webhook each."""

    url: str


def channel_url(example: str) -> Any:
    """Return the option `url` of `ChannelOptions`."""
    return option("URL of the webhook; it is a secret", schemes=("http", "https"), secret=True, example=example)


class Message(NamedTuple):
    """The texts of a message, without markup. `url`: empty without a link. `footer`: publisher, revision and time."""

    title: str
    summary: str
    url: str
    footer: str


ChatOptionsT = TypeVar("ChatOptionsT", bound=ChatOptions)
ChannelOptionsT = TypeVar("ChannelOptionsT", bound=ChannelOptions)


class ChatSink(HttpSink[ChatOptionsT]):
    """Posts a message for each article."""

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Post the messages one by one. Raises: see `Sink.deliver`."""
        for event in batch:
            if is_posted(event.article, revisions=self.options.revisions):
                client = await self.client()
                body = msgspec.json.encode(self.payload(to_message(event.article), event.article))
                response = await client.post(self.target(), body, HEADERS, follow_redirects=False)
                check_response(response, retry_after_s(response))

    @abstractmethod
    def target(self) -> str:
        """Return the URL of the POST."""

    @abstractmethod
    def payload(self, message: Message, article: Article) -> dict[str, object]:
        """Return the body of the POST, as the chat's API defines it."""


class ChannelSink(ChatSink[ChannelOptionsT]):
    """Posts to the webhook of a channel."""

    def target(self) -> str:
        """Return the URL of the webhook."""
        return self.options.url


def is_posted(article: Article, *, revisions: bool) -> bool:
    """Return whether *article* makes a message."""
    return revisions or article.revision == 1 or bool(article.withdrawn)


def to_message(article: Article) -> Message:
    """Return the message of *article*."""
    kind = "Withdrawn: " if article.withdrawn else "Revised: " if article.revision > 1 else ""
    summary = article.withdrawn or article.dek or "".join(article.paragraphs[:1])
    revision = f"revision {article.revision}" if article.revision > 1 else ""
    url = article.canonical_url or article.url
    has_link = url.startswith(("http://", "https://")) and len(url) <= MAX_URL_CHARS
    time = f"{article.published:%Y-%m-%d %H:%M} UTC" if article.published else ""
    return Message(
        shorten(kind + (article.title or "Untitled"), MAX_TITLE_CHARS),
        shorten(summary, MAX_SUMMARY_CHARS),
        url if has_link else "",
        " · ".join(part for part in (shorten(article.publisher, MAX_TITLE_CHARS), revision, time) if part),
    )


def shorten(text: str, max_chars: int) -> str:
    """Return *text* on one line, cut at a word.

    >>> shorten("The ferry sank", 11)
    'The ferry…'
    """
    text = " ".join(text.split())
    if len(text) <= max_chars:
        return text
    return (text[:max_chars].rpartition(" ")[0] or text[: max_chars - 1]) + "…"


class _Parameters(msgspec.Struct, frozen=True):
    retry_after: float = 0.0


class _Limit(msgspec.Struct, frozen=True):
    retry_after: float = 0.0  # Discord
    parameters: _Parameters = _Parameters()  # Telegram


def retry_after_s(response: Response) -> float:
    """Return the wait that the body of a rejection asks for; 0 without one."""
    try:
        limit = msgspec.json.decode(response.body, type=_Limit)
    except DECODE_ERRORS:
        return 0.0
    return limit.retry_after or limit.parameters.retry_after
