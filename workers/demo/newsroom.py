"""Demo newsroom: invented outlets with feeds on loopback, and the typical defects of real feeds.

Defects: edits, copies in other papers, duplicates across feeds, clutter (`clutter.py`), a broken feed.
A ledger of publications allows a restart at the same place, and a comparison in tests.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from streams.errors import SettingsError
from workers.demo.clutter import body
from workers.demo.stories import OUTLETS, Outlet, Story, earlier_stories, reprints, story

PORT = 8412
WINDOW = 30  # stories per feed
OPENING = 20  # stories at the first start
EDIT_EVERY = 5  # every fifth story is corrected later
ABSENT_S = 600.0  # a feed without a request for this long delays no other


class Published(NamedTuple):
    """A line of the ledger."""

    number: int
    revision: int
    time_s: float


class Reading(NamedTuple):
    """Progress of a feed's reader: the ETag served last, the ledger's length then, and the length that was read."""

    etag: str = ""
    served: int = 0
    read: int = 0
    asked_s: float = 0.0


class Newsroom:
    """Publishes a story every *pace_s* seconds, and corrects every fifth one later.

    It waits for slow readers: a story stays in its feed, uncorrected, until the reader sent the ETag of a document
    with it. Readers can therefore receive every revision in the ledger.
    """

    def __init__(self, folder: Path, pace_s: float, edit_after_s: float = 15.0) -> None:
        self.folder, self.pace_s, self.edit_after_s = folder, pace_s, edit_after_s
        self.ledger: list[Published] = []
        self.port = 0
        self._readings: dict[str, Reading] = {}
        self._broken_polls = 0
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def feed_urls(self) -> list[str]:
        """URLs of the feeds: one per outlet, a section feed that repeats the Courier's stories, and a broken feed."""
        paths = [f"{o.slug}.xml" for o in OUTLETS] + ["courier-world.xml", "broken.xml"]
        return [f"http://127.0.0.1:{self.port}/{path}" for path in paths]

    async def open(self) -> None:
        """Load the ledger and start to serve, on the same port as last time if it is free."""
        self._open_ledger()
        while len(self.ledger) < OPENING:
            self._publish(story(len(self.ledger) + 1))
        app = web.Application()
        app.router.add_get("/{feed}.xml", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await self._listen()
        slugs = [*(o.slug for o in OUTLETS), "courier-world"]
        self._readings = {slug: Reading(asked_s=time.monotonic()) for slug in slugs}
        self._task = asyncio.create_task(self._work())

    def _open_ledger(self) -> None:
        """Load the complete lines of the ledger, and open it for more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "ledger.jsonl"
        text = path.read_text("utf-8") if path.exists() else ""
        self.ledger = [published for line in text.splitlines() if (published := _read_line(line)) is not None]
        self._file = path.open("a", encoding="utf-8")
        if text and not text.endswith("\n"):
            self._file.write("\n")  # ends the line of a process that was killed within a write

    async def _listen(self) -> None:
        assert self._runner is not None
        for port in (PORT, 0):
            try:
                site = web.TCPSite(self._runner, "127.0.0.1", port)
                await site.start()
                break
            except OSError as exc:
                if port == 0:
                    raise SettingsError(
                        f"cannot start the demo newsroom: no free port on 127.0.0.1 ({exc}); set demo = off"
                    ) from exc
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop publishing and serving."""
        if self._task is not None:
            self._task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._file.close()

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self.pace_s)
            if len(self.ledger) - self._read() < WINDOW:
                self._publish(story(max(p.number for p in self.ledger) + 1))
            for p in self._due_edits():
                self._publish(story(p.number, 2))

    def _read(self) -> int:
        """Return the length of the ledger that all readers have read."""
        present_s = time.monotonic() - ABSENT_S
        return min((r.read for r in self._readings.values() if r.asked_s > present_s), default=0)

    def _due_edits(self) -> list[Published]:
        edited = {p.number for p in self.ledger if p.revision > 1}
        late = time.time() - self.edit_after_s
        recent = self.ledger[-3 * WINDOW : self._read()]  # later stories have left their feed
        return [p for p in recent if p.number % EDIT_EVERY == 0 and p.number not in edited and p.time_s < late]

    def _publish(self, new: Story) -> None:
        published = Published(new.number, new.revision, time.time())
        self._file.write(json.dumps(published) + "\n")
        self._file.flush()
        self.ledger.append(published)

    def _latest(self, count: int) -> list[tuple[Story, float]]:
        latest = {p.number: p for p in self.ledger}
        return [(story(p.number, p.revision), p.time_s) for p in sorted(latest.values(), reverse=True)[:count]]

    def _window(self, outlet: Outlet) -> list[tuple[Story, float]]:
        """Return the latest stories of an outlet, and those of the agency that it prints, with their times."""
        printed = [(version, t) for s, t in self._latest(4 * WINDOW) for version in (s, *reprints(s))]
        return [(s, t) for s, t in printed if s.outlet == outlet][:WINDOW]

    async def _serve(self, request: web.Request) -> web.Response:
        slug = request.match_info["feed"]
        if slug == "broken":
            return self._broken()
        outlet = next((o for o in OUTLETS if o.slug == slug.removesuffix("-world")), None)
        if outlet is None or slug not in self._readings:
            raise web.HTTPNotFound
        window = self._window(outlet)
        tracker = "?utm_source=rss&utm_medium=feed" if slug.endswith("-world") else ""
        body = (atom if outlet.form == "atom" else rss)(outlet, window, earlier_stories, tracker).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        self._record_reader(slug, request.headers.get("If-None-Match", ""), etag)
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=body, content_type="application/xml", charset="utf-8", headers={"ETag": etag})

    def _record_reader(self, slug: str, sent_etag: str, etag: str) -> None:
        reading, length = self._readings[slug], len(self.ledger)
        if sent_etag == etag:
            read = length
        else:
            read = reading.served if sent_etag and sent_etag == reading.etag else reading.read
        self._readings[slug] = Reading(etag, length, read, time.monotonic())

    def _broken(self) -> web.Response:
        self._broken_polls += 1
        responses = (
            web.Response(text="<html><body>Down for maintenance</body></html>", content_type="text/html"),
            web.Response(status=500, text="oops"),
            web.Response(text="<?xml version='1.0'?><rss><channel><title>Half a fe", content_type="application/xml"),
        )
        return responses[self._broken_polls % len(responses)]


def _read_line(line: str) -> Published | None:
    """Return a line of the ledger; None for a line that a kill left incomplete."""
    try:
        return Published(*json.loads(line))
    except (ValueError, TypeError):
        return None


Others = Callable[[Story], Sequence[Story]]
"""Return the stories that the clutter of a story links."""


def rss(outlet: Outlet, window: list[tuple[Story, float]], others: Others, tracker: str) -> str:
    """Return an RSS 2.0 document with full text and clutter."""
    items = "".join(
        f"<item><title>{escape(s.title)}</title><link>{escape(s.url + tracker)}</link>"
        f'<guid isPermaLink="false">{s.outlet.slug}-{s.number}</guid><dc:creator>{escape(s.author)}</dc:creator>'
        f"<category>{s.outlet.section.title()}</category><pubDate>{format_datetime(_utc(t))}</pubDate>"
        f"<description>{escape(s.paragraphs[0])}</description>"
        f"<content:encoded><![CDATA[{body(s, others(s))}]]></content:encoded></item>\n"
        for s, t in window
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>{outlet.name}</title><link>https://{outlet.slug}.example/</link>"
        f"<description>Invented news</description><language>{outlet.language}</language>\n{items}</channel></rss>\n"
    )


def atom(outlet: Outlet, window: list[tuple[Story, float]], others: Others, tracker: str) -> str:
    """Return an Atom document with full text and clutter."""
    entries = "".join(
        f"<entry><title>{escape(s.title)}</title><id>tag:{s.outlet.slug}.example,2026:{s.number}</id>"
        f'<link href="{escape(s.url + tracker)}"/><author><name>{escape(s.author)}</name></author>'
        f'<updated>{_utc(t).isoformat()}</updated><category term="{s.outlet.section.title()}"/>'
        f'<content type="html">{escape(body(s, others(s)))}</content></entry>\n'
        for s, t in window
    )
    updated = _utc(max((t for _, t in window), default=0)).isoformat()
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
        f'xml:lang="{outlet.language}">'
        f"<title>{outlet.name}</title><id>https://{outlet.slug}.example/</id>"
        f'<link href="https://{outlet.slug}.example/"/><updated>{updated}</updated>\n{entries}</feed>\n'
    )


def _utc(time_s: float) -> datetime:
    return datetime.fromtimestamp(int(time_s), UTC)
