"""The Telegram sink: posts articles as a bot.

Body and escapes: https://core.telegram.org/bots/api#sendmessage, #html-style
"""

from dataclasses import dataclass
from html import escape

from streams.records import Article
from workers.sinks.chat import ChatOptions, ChatSink, Message
from workers.sinks.options import option


@dataclass(frozen=True, kw_only=True)
class TelegramOptions(ChatOptions):
    """Post articles to a Telegram chat; see [chats](../howto/sink-chats.md)."""

    token: str = option(
        "token of the bot, from @BotFather", secret=True, minimum_chars=16, example='"000000:XXXXXXXXXXXXXXXX"'
    )
    chat_id: str = option("id of the chat, or `@channel`", example='"@newsroom"')
    url: str = option(
        "URL of the Bot API", default="https://api.telegram.org", schemes=("http", "https"),
        example='"https://api.telegram.org"',
    )  # fmt: skip


class TelegramSink(ChatSink[TelegramOptions]):
    """Posts articles to a Telegram chat."""

    options_type = TelegramOptions

    def target(self) -> str:
        """Return the URL of the method; it has the token."""
        return f"{self.options.url.rstrip('/')}/bot{self.options.token}/sendMessage"

    def payload(self, message: Message, article: Article) -> dict[str, object]:
        """Return a message in Telegram's HTML."""
        title = f"<b>{escape(message.title)}</b>"
        if message.url:
            title = f'<a href="{escape(message.url)}">{title}</a>'
        parts = (title, escape(message.summary), f"<i>{escape(message.footer)}</i>" if message.footer else "")
        return {
            "chat_id": self.options.chat_id,
            "text": "\n".join(part for part in parts if part),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
