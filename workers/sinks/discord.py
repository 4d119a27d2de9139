"""The Discord sink: posts articles to a webhook.

Body and limits: https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

from dataclasses import dataclass

from streams.records import Article
from workers.sinks.chat import ChannelOptions, ChannelSink, Message, channel_url

ESCAPES = str.maketrans({character: f"\\{character}" for character in "\\*_~`|[]()<>#"})
COLOUR, WITHDRAWN_COLOUR = 0x3B6EA5, 0xB3261E


@dataclass(frozen=True, kw_only=True)
class DiscordOptions(ChannelOptions):
    """Post articles to a Discord channel; see [chats](../howto/sink-chats.md)."""

    url: str = channel_url('"https://discord.com/api/webhooks/000/XXXX"')


class DiscordSink(ChannelSink[DiscordOptions]):
    """Posts articles to a Discord channel."""

    options_type = DiscordOptions

    def payload(self, message: Message, article: Article) -> dict[str, object]:
        """Return an embed without mentions. Markdown works in the summary only."""
        embed: dict[str, object] = {
            "title": message.title,
            "description": message.summary.translate(ESCAPES),
            "color": WITHDRAWN_COLOUR if article.withdrawn else COLOUR,
        }
        if message.url:
            embed["url"] = message.url
        if message.footer:
            embed["footer"] = {"text": message.footer}
        return {"embeds": [embed], "allowed_mentions": {"parse": []}}
