"""`copydesk articles search`, `show`, `diff` and `export`, on the retained topics."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams.brokers.base import OutgoingMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.records import Article
from streams.topics import ARTICLES, route_topic
from tests import conftest
from tests.conftest import ROOT
from tests.support.extras import require_module
from workers.services import connect


def article(id_: str, revision: int = 1, day: int = 1, **fields: Any) -> Article:
    published = datetime(2026, 3, day, 12, tzinfo=UTC)
    return Article(id=id_, revision=revision, published=published, **({"title": f"Title {id_}"} | fields))


ARTICLES_IN = (
    article("a", publisher="The Harbour", paragraphs=("The harbour board met.", "Ferries wait.")),
    article("b", day=2, publisher="Le Café", title="Réunion du port", paragraphs=("Le conseil du port.",)),
    article("a", 2, publisher="The Harbour", paragraphs=("The harbour board resigned.", "Ferries wait.")),
    article("c", day=3, publisher="The Harbour", paragraphs=("Withdrawn text.",)),
    article("c", 2, day=3, publisher="The Harbour", withdrawn="mistake"),
    article("d", day=4, title="東京の港", paragraphs=("港湾委員会が開かれた。",)),
)


async def publish(settings: Settings, records: Sequence[Article], route: str = "") -> None:
    broker = await connect(settings, settings.broker_url)
    topic = route_topic(route).name if route else ARTICLES.name
    await broker.publish([OutgoingMessage(topic, record.id.encode(), encode(record)) for record in records])
    await broker.close()


def copydesk(settings: Settings, *arguments: str, code: int = 0, folder: Path | None = None) -> str:
    """Return the output of a command."""
    flags = [
        "--broker-url",
        settings.broker_url,
        "--state-url",
        settings.state_url,
        "--data-dir",
        str(settings.data_dir),
    ]
    done = conftest.copydesk("articles", *arguments, *flags, cwd=folder or ROOT, check=code)
    return done.stdout if code == 0 else done.stderr


def ids(settings: Settings, *arguments: str, folder: Path | None = None) -> list[str]:
    """Return ids and revisions of the articles that a search prints."""
    lines = copydesk(settings, "search", "--json", *arguments, folder=folder).splitlines()
    return [f"{record['id']}.{record['revision']}" for record in map(json.loads, lines)]


async def test_search_yields_newest_revisions(either: Settings) -> None:
    await publish(either, ARTICLES_IN)
    assert ids(either) == ["d.1", "c.2", "b.1", "a.2"]
    await publish(either, ARTICLES_IN)  # repeats
    assert ids(either) == ["d.1", "c.2", "b.1", "a.2"]


async def test_search_filters_by_route(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "copydesk.toml").write_text('[[routes]]\nname = "french"\npublisher = "Le Café"\n')
    await publish(settings, ARTICLES_IN)
    assert ids(settings) == ["d.1", "c.2", "b.1", "a.2"]  # without the routes
    assert ids(settings, "--route", "french", folder=tmp_path) == ["b.1"]


FILTERS: list[tuple[tuple[str, ...], list[str]]] = [
    (("harbour",), ["a.2"]),
    (("board harbour",), []),
    (("board", "harbour"), ["a.2"]),
    (("harbour board",), ["a.2"]),
    (("harbour boa*",), ["a.2"]),
    (("met",), []),
    (("harb",), []),
    (("harb*",), ["a.2"]),
    (("reunion",), ["b.1"]),
    (("委員会",), ["d.1"]),
    (("withdrawn",), []),
    (("--publisher", "the harbour"), ["c.2", "a.2"]),
    (("--publisher", "the harbour", "--publisher", "le café"), ["c.2", "b.1", "a.2"]),
    (("--since", "2026-03-03T12:00"), ["d.1", "c.2"]),
    (("--until", "2026-03-03T12:00"), ["b.1", "a.2"]),
    (("--since", "2026-03-02", "--until", "2026-03-03"), ["b.1"]),
    (("--limit", "2"), ["d.1", "c.2"]),
]


async def test_search_filters_newest_revisions(settings: Settings) -> None:
    await publish(settings, ARTICLES_IN)
    for arguments, expected in FILTERS:
        assert ids(settings, *arguments) == expected, arguments


async def test_search_prints_newest_first(settings: Settings) -> None:
    await publish(settings, ARTICLES_IN)
    lines = copydesk(settings, "search", "--publisher", "The Harbour").splitlines()
    assert [line.split()[0] for line in lines] == ["c", "a"]
    assert lines[0].endswith("(withdrawn)")
    [line] = copydesk(settings, "search", "--limit", "1", "--json").splitlines()
    assert json.loads(line)["id"] == "d"
    assert copydesk(settings, "search", "nothing-like-it") == ""


async def test_show_prints_article(settings: Settings) -> None:
    await publish(settings, ARTICLES_IN)
    text = copydesk(settings, "show", "a")
    assert "Title a\nThe Harbour · 2026-03-01 12:00 UTC\nrevision 2 of 1, 2" in text
    assert "The harbour board resigned.\n\nFerries wait." in text
    assert "board met" in copydesk(settings, "show", "a", "--revision", "1")
    assert json.loads(copydesk(settings, "show", "c", "--json"))["withdrawn"] == "mistake"
    assert "article not found: x (never published, or past its retention)" in copydesk(settings, "show", "x", code=1)
    error = copydesk(settings, "show", "a", "--revision", "7", code=1)
    assert "revision not found: a (revision 7; retained: 1, 2)" in error


async def test_diff_marks_words(settings: Settings) -> None:
    await publish(settings, ARTICLES_IN)
    lines = copydesk(settings, "diff", "a").splitlines()
    assert lines == [
        "revision 1 → 2", "Title a", "The harbour board", "[-met.-]", "{+resigned.+}", "Ferries wait.",
    ]  # fmt: skip
    operations = json.loads(copydesk(settings, "diff", "a", "--from", "1", "--to", "2", "--json"))
    assert {"op": "-", "text": "met."} in operations["diff"]
    assert "revision not found: b (an earlier revision; retained: 1)" in copydesk(settings, "diff", "b", code=1)


async def test_export_writes_each_format(settings: Settings, tmp_path: Path) -> None:
    await publish(settings, ARTICLES_IN)
    copydesk(settings, "export", "all.jsonl", "--all-revisions", folder=tmp_path)
    records = [decode(line, Article) for line in (tmp_path / "all.jsonl").read_bytes().splitlines()]
    assert sorted((r.id, r.revision) for r in records) == sorted((r.id, r.revision) for r in ARTICLES_IN)
    copydesk(settings, "export", "harbour.csv", "--publisher", "The Harbour", folder=tmp_path)
    text = (tmp_path / "harbour.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert sorted((row["id"], row["revision"], row["withdrawn"]) for row in rows) == [
        ("a", "2", ""),
        ("c", "2", "mistake"),
    ]
    assert {row["body"] for row in rows} == {"The harbour board resigned.\n\nFerries wait.", ""}
    output = copydesk(settings, "export", "-", "--format", "csv", "harbour")
    assert [row["id"] for row in csv.DictReader(io.StringIO(output, newline=""))] == ["a"]
    assert sorted(path.name for path in tmp_path.glob("*.[!s]*")) == ["all.jsonl", "harbour.csv"], "no temporary files"


async def test_export_writes_parquet(settings: Settings, tmp_path: Path) -> None:
    require_module("pyarrow")
    from pyarrow import parquet

    await publish(settings, ARTICLES_IN)
    copydesk(settings, "export", "a.parquet", "--since", "2026-03-02", folder=tmp_path)
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert sorted(row["id"] for row in rows) == ["b", "c", "d"]
    assert {row["id"]: row["published"] for row in rows}["b"] == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_articles_options_are_checked(settings: Settings, tmp_path: Path) -> None:
    for arguments, message in [
        (("export", "a.xlsx"), "unknown format: a.xlsx; name it *.jsonl, *.csv or *.parquet, or add --format"),
        (("search", "--route", "absent"), "unknown route: absent; copydesk.toml has no [[routes]]"),
        (("search", "--since", "yesterday"), "invalid time: 'yesterday'"),
        (("search", *"abcdefghijklmnopq"), "too many words: 17 (at most 16, and 300 characters)"),
        (("export", str(tmp_path / "absent" / "a.csv")), "file not writable"),
    ]:
        assert message in copydesk(settings, *arguments, code=2), arguments
