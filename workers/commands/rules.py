"""Commands for site rules."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from workers.commands.base import Group, json_option, print_json, warn
from workers.commands.terminal import print_text

if TYPE_CHECKING:
    from workers.clean.site_rules.rule import SiteRule


@click.group("rules", cls=Group)
def rules() -> None:
    """Try site rules, which override the model for the pages of a site."""


@rules.command("test", example="copydesk rules test https://example.org/story.html")
@click.argument("page", metavar="URL|FILE")
@click.option("--url", default="", help="URL of the page in FILE; its host selects the rule")
@click.option("--feed", default="", help="URL of a feed, whose scraper_rules and rewrite_rules apply, too")
@click.option(
    "--rule", "rule_path", type=click.Path(path_type=Path), help="file of a rule, instead of the configured ones"
)
@json_option()
def test(settings: Settings, page: str, url: str, feed: str, rule_path: Path | None, as_json: bool) -> ExitCode:
    """Apply a site rule to a page; print the matches of each selector, and the article.

    The exit code is 1 when no rule applies.
    """
    from workers.clean.html_parser import parse_html
    from workers.clean.site_rules.application import apply_rule, replace_strings

    is_url = page.startswith(("http://", "https://"))
    url = url or (page if is_url else "")
    html = _fetch(settings, page) if is_url else _read(page)
    rule = _find(settings, url, feed, rule_path)
    if rule is None:
        warn(f"no site rule: {url or page}; add {_file_name(url)} to site_rules, or use --rule FILE")
        return ExitCode.FAILED
    matches = apply_rule(parse_html(replace_strings(html, rule), page=True), rule).matches
    article = _clean(html, url, rule)
    if as_json:
        print_json({"rule": rule.name, "matches": dict(matches), "ignored": rule.ignored, "article": article})
        return ExitCode.OK
    print_text(f"rule {rule.name}")
    for selector, count in matches:
        print_text(f"{count:4} × {selector}")
    for directive in rule.ignored:
        print_text(f"   - {directive}: no effect")
    head = [article.get("title"), ", ".join(article.get("byline", ())), *article.get("paragraphs", ())]
    print_text("\n" + "\n\n".join(filter(None, head)))
    return ExitCode.OK


def _clean(html: str, url: str, rule: "SiteRule") -> dict[str, Any]:
    import msgspec

    from workers.clean.cleaner import clean_blocks
    from workers.clean.document import to_blocks

    article: dict[str, Any] = msgspec.to_builtins(clean_blocks(to_blocks(html, "page", url=url, rule=rule)))
    return article


def _find(settings: Settings, url: str, feed: str, rule_path: Path | None) -> "SiteRule | None":
    from workers.clean.site_rules.collection import compile_rules
    from workers.clean.site_rules.ftr import parse_ftr
    from workers.desk.site_rules import read_site_rules

    if rule_path is None:
        return compile_rules(read_site_rules(settings).find(url, feed))
    return parse_ftr(_read(str(rule_path)), rule_path.name)


def _file_name(url: str) -> str:
    from workers.clean.site_rules.collection import SUFFIX, host_names

    return next(iter(host_names(url)), "HOST") + SUFFIX


def _read(name: str) -> str:
    from workers.commands.offline import read_input
    from workers.text.encoding import decode

    return decode(read_input(name))


def _fetch(settings: Settings, url: str) -> str:
    from workers.http.client import HttpClient
    from workers.text.encoding import decode

    async def fetch() -> bytes:
        async with HttpClient(settings, "text/html") as client:
            return (await client.get(url)).body

    return decode(asyncio.run(fetch()))


COMMANDS = (rules,)
