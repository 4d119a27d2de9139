"""The Slack sink: posts articles to an incoming webhook.

Body and escapes: https://docs.slack.dev/messaging/formatting-message-text
"""

from dataclasses import dataclass

from streams.records import Article
from workers.sinks.chat import ChannelOptions, ChannelSink, Message, channel_url

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
MAX_TEXT_CHARS = 3_000  # of a section
URL_ESCAPES = str.maketrans({"&": "&amp;", "<": "%3C", ">": "%3E", "|": "%7C", " ": "%20"})


@dataclass(frozen=True, kw_only=True)
class SlackOptions(ChannelOptions):
    """Post articles to a Slack channel; see [chats](../howto/sink-chats.md)."""

    url: str = channel_url('"https://hooks.slack.com/services/T000/B000/XXXX"')


class SlackSink(ChannelSink[SlackOptions]):
    """Posts articles to a Slack channel."""

    options_type = SlackOptions

    def payload(self, message: Message, article: Article) -> dict[str, object]:
        """Return blocks, and a text for notifications."""
        title = message.title.translate(ESCAPES)
        link = f"<{message.url.translate(URL_ESCAPES)}|{title}>" if message.url else title
        texts = (f"*{link}*\n{message.summary.translate(ESCAPES)}".strip(), f"*{link}*", f"*{title}*")
        text = next(text for text in texts if len(text) <= MAX_TEXT_CHARS)  # escapes lengthen a text up to five times
        blocks: list[dict[str, object]] = [{"type": "section", "text": _markdown(text)}]
        if message.footer:
            blocks.append({"type": "context", "elements": [_markdown(message.footer.translate(ESCAPES))]})
        return {"text": title, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _markdown(text: str) -> dict[str, object]:
    """Return a text object. `verbatim`: Slack makes no links and mentions of its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
