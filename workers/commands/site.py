"""Command for one site: its learned evidence, template changes and rules."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from workers.commands.base import Command, json_option, print_json, run_with_running_broker, warn
from workers.commands.terminal import print_text
from workers.text.counts import format_count

if TYPE_CHECKING:
    from workers.dedupe.site_report import SiteReport


@click.command("site", cls=Command, example="copydesk site example.org")
@click.argument("site", metavar="SITE")
@json_option()
def site(settings: Settings, site: str, as_json: bool) -> ExitCode:
    """Print the evidence that the cleaner has learned about a site, its last template change, and its rules.

    SITE is a host without `www.`, or the publisher that its feed states. The exit code is 1 for an unknown site.
    """
    from workers.dedupe.site_report import read_site

    name = site.casefold().removeprefix("www.")

    async def read(broker: Any) -> tuple[Any, list[str]]:
        from workers.poller.registry import FeedRegistry

        return await read_site(broker.state, name), [feed.url for feed in await FeedRegistry(broker.state).all()]

    report, feeds = run_with_running_broker(settings, read)
    rules = _rules(settings, name, feeds)
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(report) | {"rules": rules})
    elif report.articles or rules:
        _print_report(report, rules)
    if not report.articles:
        warn(f"site unknown: {name}; give the publisher of its articles, or the host of their links without `www.`")
        return ExitCode.FAILED
    return ExitCode.OK


def _rules(settings: Settings, site: str, feeds: list[str]) -> list[str]:
    """Return the names of the rules for pages of *site*: of its host, and of feeds on its host."""
    from workers.desk.site_rules import read_site_rules

    rules = read_site_rules(settings)
    own = [feed for feed in feeds if (urlsplit(feed).hostname or "").removeprefix("www.") == site]
    sources = [source for feed in ("", *own) for source in rules.find(f"https://{site}/", feed)]
    return list(dict.fromkeys(source.name for source in sources))


def _print_report(report: "SiteReport", rules: list[str]) -> None:
    counts = f"{format_count(report.articles, 'article')}, {format_count(report.headlines, 'headline')}"
    print_text(f"site {report.site}: {counts}")
    changed_s = report.template_changed_s
    changed = f"{datetime.fromtimestamp(changed_s, UTC):%Y-%m-%d %H:%M} UTC" if changed_s else "none"
    print_text(f"last template change: {changed}")
    print_text(f"rules: {', '.join(rules) or 'none'}")
    if report.evidence:
        print_text("\nin text  clutter   body")
    for row in report.evidence:
        print_text(f"{row.repeats:7}  {row.clutter:9}  {row.body:5}  {row.text}")


COMMANDS = (site,)
