"""All site rules of an installation, by host and by feed. Rules compile when a page of their site first needs them."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from streams.errors import SettingsError
from streams.logger import get_logger
from workers.clean.site_rules.ftr import parse_ftr
from workers.clean.site_rules.miniflux import parse_rewrite, parse_scraper
from workers.clean.site_rules.rule import SiteRule

log = get_logger(__name__)

MAX_FILES, MAX_FILE_BYTES = 10_000, 100_000
SUFFIX = ".txt"
Parser = Callable[[str, str], SiteRule]


class FeedRules(NamedTuple):
    """Rules of the feeds whose URL matches *pattern*, in the syntax of Miniflux."""

    pattern: str
    scraper_rules: str = ""
    rewrite_rules: str = ""


class SiteRules:
    """Finds the rule of a page.

    *texts*: the files of Full-Text RSS by host; a name with a leading dot covers subdomains.
    """

    def __init__(self, texts: Mapping[str, str], feeds: Sequence[FeedRules] = ()) -> None:
        self._texts, self._feeds = texts, feeds
        self._compiled: dict[str, SiteRule | None] = {}

    @classmethod
    def read(cls, folder: Path | None, feeds: Sequence[FeedRules] = ()) -> "SiteRules":
        """Read the files `HOST.txt` of *folder*. Raises SettingsError if the folder is unreadable."""
        if folder is None:
            return cls({}, feeds)
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)[:MAX_FILES]
            texts = {path.stem.lower(): path.read_bytes()[:MAX_FILE_BYTES].decode("utf-8", "replace") for path in paths}
        except OSError as exc:
            raise SettingsError(f"unreadable site_rules: {folder} ({exc.strerror}); set it to a folder") from exc
        return cls(texts, feeds)

    def __bool__(self) -> bool:
        return bool(self._texts) or any(options.scraper_rules or options.rewrite_rules for options in self._feeds)

    def find(self, url: str, feed: str = "") -> SiteRule | None:
        """Return the rule of the page at *url*, which an item of *feed* links to; None without one.

        Rules of the feed come before the rule of the host. An invalid rule is logged once and ignored.
        """
        rules = [rule for rule in (*self._feed_rules(feed), self._host_rule(url)) if rule is not None]
        if not rules:
            return None
        first, *others = rules
        for other in others:
            first += other
        return first

    def _feed_rules(self, feed: str) -> list[SiteRule | None]:
        """Return the rules of the first table that matches *feed*, as for all options of feeds."""
        options = next((options for options in self._feeds if feed and fnmatchcase(feed, options.pattern)), None)
        if options is None:
            return []
        parsers: dict[str, Parser] = {"scraper_rules": parse_scraper, "rewrite_rules": parse_rewrite}
        return [
            self._compile(f"[[feeds]] {options.pattern} {name}", text, parse)
            for name, parse in parsers.items()
            if (text := getattr(options, name))
        ]

    def _host_rule(self, url: str) -> SiteRule | None:
        for name in host_names(url):
            if name in self._texts:
                return self._compile(f"{name}{SUFFIX}", self._texts[name], parse_ftr)
        return None

    def _compile(self, name: str, text: str, parse: Parser) -> SiteRule | None:
        if name not in self._compiled:
            try:
                self._compiled[name] = parse(text, name)
            except SettingsError as exc:
                log.error("site rule ignored", rule=name, error=exc, next_step="correct it and reload")
                self._compiled[name] = None
        return self._compiled[name]


def host_names(url: str) -> list[str]:
    """Return the names of rule files for the host of *url*: the host without `www.`, then `.host` and its parents."""
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return []
    labels = host.split(".")
    return [host, *("." + ".".join(labels[n:]) for n in range(len(labels) - 1))] if host else []
