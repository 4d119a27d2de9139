"""Commands for published articles."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from workers.commands.base import Group, json_option, print_json, run_with_broker, run_with_running_broker, warn
from workers.commands.terminal import print_text
from workers.text.counts import format_count

if TYPE_CHECKING:
    from streams.records import Article
    from workers.search.articles import Filters

TIME = "2026-11-20, 2026-11-20T08:00, 7d, 12h, 30m; UTC without a zone"


@click.group("articles", cls=Group)
def articles() -> None:
    """Search, show, export and withdraw published articles."""


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select articles."""
    for option in reversed((
        click.option("--since", metavar="TIME", help=f"published at this time or later: {TIME}"),
        click.option("--until", metavar="TIME", help="published before this time"),
        click.option("--publisher", "publishers", multiple=True, metavar="NAME", help="publisher; may be repeated"),
        click.option("--route", default="", metavar="NAME", help="articles of this route of copydesk.toml"),
    )):  # fmt: skip
        function = option(function)
    return function


@articles.command("search", example='copydesk articles search "harbour board" ferr* --since 7d')
@click.argument("words", nargs=-1)
@filter_options
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="maximum number of articles, the newest first",
)
@json_option()
def search(
    settings: Settings, words: tuple[str, ...], since: str | None, until: str | None, publishers: tuple[str, ...],
    route: str, limit: int, as_json: bool,
) -> ExitCode:  # fmt: skip
    """Search the retained articles for WORDS in title, standfirst, byline, tags and text.

    All WORDS must occur. An argument of several words is a phrase; `ferr*` finds words that begin so.
    """
    filters = _filters(settings, words, publishers, since, until, route)

    async def act(broker: Any) -> int:
        from workers.search.index import open_index

        count = 0
        async with open_index(settings, broker, settings.routes if route else None) as index:
            async for article in index.read(await index.message_ids(filters, limit)):
                _print_line(article, as_json)
                count += 1
        return count

    if not run_with_broker(settings, act):
        warn("no article found; change the words or the conditions")
    return ExitCode.OK


@articles.command("show", example="copydesk articles show c9d23c92a8063655a497")
@click.argument("article_id", metavar="ID")
@click.option("--revision", type=click.IntRange(1), help="revision; default: the newest")
@json_option("print the record as JSON")
def show(settings: Settings, article_id: str, revision: int | None, as_json: bool) -> ExitCode:
    """Print a retained article."""
    revisions = _revisions(settings, article_id)
    number = revision or max(revisions, default=0)
    if number not in revisions:
        return _unknown(article_id, revisions, revision)
    if as_json:
        _print_line(revisions[number], True)
    else:
        print_text(_describe(revisions[number], list(revisions)))
    return ExitCode.OK


@articles.command("diff", example="copydesk articles diff c9d23c92a8063655a497")
@click.argument("article_id", metavar="ID")
@click.option("--from", "old", type=click.IntRange(1), help="older revision; default: the one before")
@click.option("--to", "new", type=click.IntRange(1), help="newer revision; default: the newest")
@json_option("print the operations as JSON: `=`, `-` and `+` with their words")
def show_diff(settings: Settings, article_id: str, old: int | None, new: int | None, as_json: bool) -> ExitCode:
    """Print the word diff of two revisions: [-removed-] and {+added+}."""
    from workers.dedupe.diff import diff

    revisions = _revisions(settings, article_id)
    new = new or max(revisions, default=0)
    old = old or max((number for number in revisions if number < new), default=0)
    for number in (new, old):
        if number not in revisions:
            return _unknown(article_id, revisions, number or None)
    before, after = ((revisions[n].title, *revisions[n].paragraphs) for n in (old, new))
    operations = diff(before, after)
    if as_json:
        changes = [operation._asdict() for operation in operations]
        print_json({"id": article_id, "from": old, "to": new, "diff": changes})
        return ExitCode.OK
    marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    print_text(f"revision {old} → {new}")
    print_text("\n".join(marks[operation.op].format(operation.text) for operation in operations))
    return ExitCode.OK


@articles.command("export", example="copydesk articles export march.csv --since 2026-03-01 --until 2026-04-01")
@click.argument("file", metavar="FILE")
@click.argument("words", nargs=-1)
@filter_options
@click.option("--format", "format_name", type=click.Choice(("jsonl", "csv", "parquet")), help="default: by the suffix")
@click.option("--all-revisions", is_flag=True, help="all retained revisions; default: the newest of each article")
def export(
    settings: Settings, file: str, words: tuple[str, ...], since: str | None, until: str | None,
    publishers: tuple[str, ...], route: str, format_name: str | None, all_revisions: bool,
) -> ExitCode:  # fmt: skip
    """Write retained articles to FILE: JSON Lines, CSV or Parquet. `-` is standard output.

    WORDS select articles as in `search`.
    """
    from workers.commands.article_files import choose_format, open_writer

    filters = _filters(settings, words, publishers, since, until, route)
    format_name = choose_format(file, format_name)

    async def act(broker: Any) -> int:
        from workers.search.index import open_index

        count = 0
        with open_writer(file, format_name) as writer:
            async with open_index(settings, broker, settings.routes if route else None) as index:
                async for article in index.read(await index.message_ids(filters, all_revisions=all_revisions)):
                    writer.write(article)
                    count += 1
        return count

    count = run_with_broker(settings, act)
    warn(f"{format_count(count, 'article')} written to {file}")
    return ExitCode.OK


@articles.command("withdraw", example="copydesk articles withdraw c9d23c92a8063655a497 --reason mistake")
@click.argument("article_id", metavar="ID")
@click.option("--reason", default="withdrawn by the operator", show_default=True, help="reason, shown to subscribers")
def withdraw(settings: Settings, article_id: str, reason: str) -> ExitCode:
    """Withdraw an article.

    Its next revision has no body and the reason in `withdrawn`. Subscribers, sinks and routes receive it.
    """

    async def act(broker: Any) -> str:
        from workers.intake.withdraw import withdraw as publish_withdrawal

        return (await publish_withdrawal(broker, article_id, reason)).title

    title = run_with_running_broker(settings, act)
    print_text(f"withdrawal sent: {article_id} ({title})")
    return ExitCode.OK


def _filters(
    settings: Settings, words: tuple[str, ...], publishers: tuple[str, ...], since: str | None, until: str | None,
    route: str,
) -> "Filters":  # fmt: skip
    """Return the conditions of a search. Raises SettingsError for an unknown route or an invalid time."""
    from datetime import UTC, datetime

    from streams.errors import SettingsError
    from workers.replay import parse_since
    from workers.search.articles import Filters
    from workers.search.query import MAX_CHARS, MAX_TERMS

    names = [known.name for known in settings.routes]
    if route and route not in names:
        raise SettingsError(f"unknown route: {route}; copydesk.toml has {', '.join(names) or 'no [[routes]]'}")
    now = datetime.now(UTC)
    first, end = (parse_since(text, now) if text else None for text in (since, until))
    phrases = " ".join(f'"{word.replace(chr(34), " ")}"' for word in words)
    if len(words) > MAX_TERMS or len(phrases) > MAX_CHARS:
        raise SettingsError(f"too many words: {len(words)} (at most {MAX_TERMS}, and {MAX_CHARS} characters)")
    return Filters(words=phrases, publishers=publishers, route=route, since=first, until=end)


def _revisions(settings: Settings, article_id: str) -> "dict[int, Article]":
    async def act(broker: Any) -> "dict[int, Article]":
        from workers.search.index import open_index

        async with open_index(settings, broker) as index:
            return {article.revision: article for article in await index.revisions(article_id)}

    revisions: dict[int, Article] = run_with_broker(settings, act)
    return revisions


def _unknown(article_id: str, revisions: "dict[int, Article]", revision: int | None) -> ExitCode:
    if not revisions:
        warn(f"article not found: {article_id} (never published, or past its retention)")
    else:
        number = f"revision {revision}" if revision else "an earlier revision"
        warn(f"revision not found: {article_id} ({number}; retained: {', '.join(map(str, revisions))})")
    return ExitCode.FAILED


def _print_line(article: "Article", as_json: bool) -> None:
    import msgspec

    from workers.commands.topics import format_record

    if as_json:
        print_json(msgspec.to_builtins(article))
    else:
        state = "  (withdrawn)" if article.withdrawn else ""
        print_text(f"{article.id}  {format_record(article)}{state}")


def _describe(article: "Article", retained: list[int]) -> str:
    """Return *article* as text: title, facts, paragraphs."""
    published = f"{article.published:%Y-%m-%d %H:%M} UTC" if article.published else ""
    facts = (article.publisher, ", ".join(article.byline), published, article.canonical_url or article.url)
    words = format_count(article.word_count, "word")
    numbers = f"revision {article.revision} of {', '.join(map(str, retained))} · {words}"
    lines = [article.title, " · ".join(fact for fact in facts if fact), numbers]
    lines += [f"withdrawn: {article.withdrawn}"] if article.withdrawn else []
    lines += [f"copy of {article.duplicate_of}"] if article.duplicate_of else []
    parts = (article.dek, *article.paragraphs)
    return "\n\n".join(("\n".join(line for line in lines if line), *(part for part in parts if part)))


COMMANDS = (articles,)
