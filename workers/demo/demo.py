"""The demo in `copydesk up`: its newsroom, its feeds, its route and its notice.

The newsroom and its stories are imported when the demo opens: other runs do not need them.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from streams.brokers.base import Broker
from streams.config.settings import Settings
from workers.demo.route import ROUTE, with_demo_route
from workers.poller.registry import FeedRegistry

if TYPE_CHECKING:
    from workers.demo.newsroom import Newsroom

NOTICE = """
  These stories are invented, by a demo newsroom on this machine. To read real feeds, run in another terminal here:
      {copydesk} feeds discover https://example.org       find the feeds of a site
      {copydesk} feeds add https://example.org/feed.xml   poll a feed; its articles appear here
  The next start with such a feed has no demo. Read a topic: {copydesk} tail articles.{route} --from start
  One feed of the demo fails, and one pushed item becomes a dead letter, to show errors.
  All data is in {data_dir}. Ctrl-C stops copydesk.
"""

NO_FEEDS = """
  No feeds are registered. Run in another terminal here:
      {copydesk} feeds discover https://example.org       find the feeds of a site
      {copydesk} feeds add https://example.org/feed.xml   poll a feed; its articles appear here
"""


class Demo:
    """The demo of one `copydesk up`. It is off until `open` finds that the settings ask for it."""

    def __init__(self) -> None:
        self._newsroom: Newsroom | None = None
        self._has_feeds = False

    async def open(self, settings: Settings, feeds: FeedRegistry) -> Settings:
        """Open and poll the newsroom if `demo` asks for it, otherwise remove its feeds; return the settings."""
        registered = await feeds.all()
        demo_urls = [feed.url for feed in registered if feed.demo]
        is_enabled = {"on": True, "off": False, "auto": len(demo_urls) == len(registered)}[settings.demo]
        self._has_feeds = len(registered) > len(demo_urls)
        if not is_enabled:
            await feeds.remove(demo_urls)
            return settings
        from workers.demo.newsroom import Newsroom

        self._newsroom = Newsroom(settings.data_dir / "demo", settings.demo_interval_s)
        await self._newsroom.open()
        urls = self._newsroom.feed_urls
        await feeds.remove([url for url in demo_urls if url not in urls])
        await feeds.add([(url, "demo") for url in urls], demo=True)
        return self.with_demo_settings(settings)

    def with_demo_settings(self, settings: Settings) -> Settings:
        """Return *settings* with the host and the route of the demo; unchanged while it is off."""
        if self._newsroom is None:
            return settings
        hosts = [*settings.private_host_patterns, f"127.0.0.1:{self._newsroom.port}"]
        return with_demo_route(replace(settings, allowed_private_hosts=",".join(hosts)))

    def example_label(self) -> str:
        """Return the label of the removed blocks in the example on the console; empty while the demo is off."""
        if self._newsroom is None:
            return ""
        from workers.demo.clutter import EXPLORE

        return EXPLORE

    def notice(self, command: str, settings: Settings) -> str:
        """Return the instructions of the demo, or for a first feed; empty if there are feeds without it."""
        if self._newsroom is None:
            return "" if self._has_feeds else NO_FEEDS.format(copydesk=command)
        return NOTICE.format(copydesk=command, data_dir=settings.data_dir, route=ROUTE.name)

    async def push_examples(self, broker: Broker) -> None:
        """Publish the pushed items of the demo."""
        if self._newsroom is None:
            return
        from workers.demo.pushed import push_examples

        await push_examples(broker)

    async def close(self) -> None:
        """Close the newsroom."""
        if self._newsroom is not None:
            await self._newsroom.close()
