"""All site rules of an installation, by host and by feed; and their compilation, when a page first needs them."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache, reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from streams.errors import SettingsError
from streams.logger import get_logger

if TYPE_CHECKING:
    from workers.clean.site_rules.rule import SiteRule

log = get_logger(__name__)

MAX_FILES, MAX_FILE_BYTES = 10_000, 100_000
SUFFIX = ".txt"


class FeedRules(NamedTuple):
    """Rules of the feeds whose URL matches *pattern*, in the syntax of Miniflux."""

    pattern: str
    scraper_rules: str = ""
    rewrite_rules: str = ""


class RuleSource(msgspec.Struct, frozen=True, array_like=True):
    """The text of a rule. *syntax*: `ftr`, `scraper_rules` or `rewrite_rules`."""

    syntax: str
    name: str
    text: str


class SiteRules:
    """Finds the rules of a page.

    *texts*: the files of Full-Text RSS by host; a name with a leading dot covers subdomains.
    """

    def __init__(self, texts: Mapping[str, str], feeds: Sequence[FeedRules] = ()) -> None:
        self._texts, self._feeds = texts, feeds

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

    def find(self, url: str, feed: str = "") -> tuple[RuleSource, ...]:
        """Return the rules of the page at *url*, which an item of *feed* links to: first those of the feed."""
        sources = list(self._feed_rules(feed))
        for name in host_names(url) if self._texts else ():
            if name in self._texts:
                return (*sources, RuleSource("ftr", f"{name}{SUFFIX}", self._texts[name]))
        return tuple(sources)

    def _feed_rules(self, feed: str) -> list[RuleSource]:
        """Return the rules of the first table that matches *feed*, as for all options of feeds."""
        options = next((options for options in self._feeds if feed and fnmatchcase(feed, options.pattern)), None)
        if options is None:
            return []
        return [
            RuleSource(syntax, f"[[feeds]] {options.pattern} {syntax}", text)
            for syntax in ("scraper_rules", "rewrite_rules")
            if (text := getattr(options, syntax))
        ]


def compile_rules(sources: Sequence[RuleSource]) -> "SiteRule | None":
    """Return the rules in one; None without any. An invalid rule is logged once and ignored."""
    rules = [rule for source in sources if (rule := _compile(source)) is not None]
    return reduce(add, rules) if rules else None


@cache
def _compile(source: RuleSource) -> "SiteRule | None":
    try:
        return _parser(source.syntax)(source.text, source.name)
    except SettingsError as exc:
        log.error("site rule ignored", rule=source.name, error=exc, next_step="correct it and reload")
        return None


def _parser(syntax: str) -> Callable[[str, str], "SiteRule"]:
    """Return the parser of a syntax. lxml, which it imports, costs 8 MB."""
    from workers.clean.site_rules.ftr import parse_ftr
    from workers.clean.site_rules.miniflux import parse_rewrite, parse_scraper

    return {"ftr": parse_ftr, "scraper_rules": parse_scraper, "rewrite_rules": parse_rewrite}[syntax]


def host_names(url: str) -> list[str]:
    """Return the names of rule files for the host of *url*: the host without `www.`, then `.host` and its parents."""
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return []
    labels = host.split(".")
    return [host, *("." + ".".join(labels[n:]) for n in range(len(labels) - 1))] if host else []
