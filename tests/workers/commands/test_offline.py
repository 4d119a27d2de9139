"""Commands that need no server, help, logs, and output formats."""

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

from streams.records import Article
from tests.conftest import DEADLINE_S, ROOT, copydesk
from tests.support.corpus import EACH_SHARE, sampled
from tests.support.feed_server import rss


def test_parse_continues_after_bad_files(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(rss([("https://a.example/1", "One", "x"), ("https://a.example/2", "Two", "y")]))
    (tmp_path / "b.xml").write_text("<html>no feed</html>")
    (tmp_path / "c.xml").write_bytes(rss([("https://a.example/3", "Three", "z")]))
    done = copydesk("parse", "a.xml", "b.xml", "nowhere.xml", "c.xml", "--json", cwd=tmp_path, check=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["file"], r["title"]) for r in rows] == [("a.xml", "One"), ("a.xml", "Two"), ("c.xml", "Three")]
    assert done.stderr.splitlines() == [
        "copydesk: b.xml: an HTML page, not a feed",
        "copydesk: file not readable: nowhere.xml (No such file or directory)",
    ]


def test_clean_reads_files_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>The harbour board met.</p><p>Advertisement</p>")
    done = copydesk("clean", "a.html", "-", "gone.html", "--json", cwd=tmp_path, check=1, input="Déjà vu is over.\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["file"] for r in rows] == ["a.html", "-"]
    assert rows[0]["paragraphs"] == ["The harbour board met."]
    assert rows[1]["paragraphs"] == ["Déjà vu is over."]
    assert "gone.html" in done.stderr
    plain = copydesk("clean", "a.html", "--title", "Board meets", cwd=tmp_path).stdout
    assert plain == "Board meets\n\nThe harbour board met.\n\n"


@pytest.mark.parametrize("options", [(), ("--type", "text"), ("--type", "page", "--json")])
def test_clean_rejects_binary_files(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "a.bin").write_bytes(Random(1).randbytes(5_000))
    (tmp_path / "b.gz").write_bytes(gzip.compress(Random(2).randbytes(2_000), mtime=0))
    (tmp_path / "c.dat").write_bytes(bytes(400))
    (tmp_path / "d.txt").write_text("The harbour\x08 board met\x00 on Friday.\n")  # strays, as in feeds
    (tmp_path / "e.txt").write_text("Das Fähramt tagte.", encoding="utf-16")
    names = ("a.bin", "b.gz", "c.dat", "d.txt", "e.txt")
    done = copydesk("clean", *names, *options, cwd=tmp_path, check=1)
    reason = "not text (control characters); give a text, a page or a feed"
    assert done.stderr.splitlines() == [f"copydesk: {name}: {reason}" for name in names[:3]]
    assert "harbour board met" in done.stdout
    assert "Das Fähramt tagte." in done.stdout
    assert len(done.stdout) < 2_000


@pytest.mark.parametrize("options", [(), ("--json",), ("--type", "feed")])
def test_clean_prints_articles_of_feed(tmp_path: Path, options: tuple[str, ...]) -> None:
    body = "<p>The harbour board met.</p><p>Advertisement</p><img src='gate.png'>"
    (tmp_path / "a.xml").write_bytes(
        rss([("/1", "One <gorilla>", body), ("/1", "One <gorilla>", body), ("/2", "Two", "x")])
    )
    done = copydesk("clean", "a.xml", "--url", "https://courier.example/feed.xml", *options, cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["title"], row["url"]) for row in rows] == [
        ("One <gorilla>", "https://courier.example/1"),
        ("Two", "https://courier.example/2"),
    ]
    assert rows[0]["paragraphs"] == ["The harbour board met."]
    assert [image["url"] for image in rows[0]["images"]] == ["https://courier.example/gate.png"]


def test_clean_reports_broken_feed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<html>no feed</html>")
    (tmp_path / "b.xml").write_text("<rss version='2.0'><channel><item><title>T</title></item><item/></channel></rss>")
    done = copydesk("clean", "--type", "feed", "a.xml", "b.xml", cwd=tmp_path, check=1)
    assert [json.loads(line)["title"] for line in done.stdout.splitlines()] == ["T"]
    assert done.stderr.splitlines() == [
        "copydesk: a.xml: an HTML page, not a feed",
        "copydesk: b.xml: unreadable entry: it has no title, text or link",
    ]


def test_clean_prints_articles_of_json_feed(tmp_path: Path) -> None:
    item = {"id": "1", "url": "https://courier.example/1", "title": "Gate", "content_html": "<p>The gate opened.</p>"}
    (tmp_path / "a.json").write_text(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]}))
    [row] = [json.loads(line) for line in copydesk("clean", "a.json", cwd=tmp_path).stdout.splitlines()]
    assert (row["title"], row["paragraphs"]) == ("Gate", ["The gate opened."])


def test_cli_ignores_broken_pipe(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(rss([(f"https://a.example/{n}", "T" * 1000, "x") for n in range(500)]))
    line = f"{sys.executable} -m workers.cli parse {tmp_path / 'a.xml'} | head -1 | wc -l"
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    assert done.stderr == ""


def test_help_has_examples_and_exit_codes(tmp_path: Path) -> None:
    text = copydesk("--help", cwd=tmp_path).stdout
    assert "exit codes: 0 done, 1 failed, 2 usage or settings, 3 broker unreachable, 4 unhealthy" in text
    assert "copydesk up" in text
    copydesk(cwd=tmp_path, check=2)


@pytest.mark.corpus
@pytest.mark.parametrize(*EACH_SHARE)
def test_parse_corpus_without_traceback(feeds_corpus: Path, share: int) -> None:
    """Parse files of conformance suites and real captures in one process."""
    all_files = sorted(p for p in feeds_corpus.rglob("*") if p.is_file() and "rw_series" not in p.parts)
    files = sampled(all_files, feeds_corpus, share)
    assert len(files) > 4_000 / share
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from workers.cli import main; sys.exit(main(['parse', *sys.stdin.read().split(chr(0))]))"],
        cwd=ROOT, input="\0".join(map(str, files)), capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    refused = done.stderr.splitlines()
    assert all(line.startswith("copydesk: ") for line in refused)
    read = {json.loads(line)["file"] for line in done.stdout.splitlines()}
    assert len(read) + len(refused) > len(files) / 2


# Rule of copydesk → files of feedparser's suite that expect feedparser's own meaning.
OWN_MEANING = {
    "workers.text.names reads names, from texts as written": re.compile(
        r"(author|creator|managingEditor)_map_author|dc_publisher_|webMaster_|channel_dc_author\.xml"
    ),
    "a guid stays as written; entry_links.py decides on the link": re.compile(r"_id_base_|/item_guid_"),
    "dc:date and dcterms:issued have keys of their own": re.compile(r"dc_date|dcterms_issued"),
    "the description of an image is not that of the entry": re.compile(r"media-rss/media_group\.xml"),
    "an enclosure has a base": re.compile(r"item_enclosure_multiple\.xml"),
}


@pytest.mark.corpus
def test_parser_limits_keep_feedparser_results(feeds_corpus: Path) -> None:
    passed = []
    for parser in ((), ("ours",)):
        command = [sys.executable, "-m", "tests.support.feedparser_suite", str(feeds_corpus / "feedparser"), *parser]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
        passed.append({name for name, is_passed in json.loads(done.stdout).items() if is_passed})
    stock, ours = passed
    assert len(stock) > 2_000
    differing = stock - ours
    assert {name for name in differing if not any(rule.search(name) for rule in OWN_MEANING.values())} == set()
    assert len(differing) < 60


def test_dedupe_classifies_rows_of_file(tmp_path: Path) -> None:
    from tests.support.stories import reworded, story

    (title, text), (other, more) = story(1), story(2)
    rows = [
        {"id": "a", "title": title, "text": text, "url": "https://a.example/1", "publisher": "Tidewire"},
        {"id": "b", "title": title, "text": reworded(text), "url": "https://b.example/1", "publisher": "The Courier"},
        {"id": "c", "title": other, "text": [more], "url": "https://a.example/2"},
        {"id": "d", "title": title, "text": text, "url": "http://www.a.example/1/amp/?utm_source=rss"},
        {"id": "e", "title": title, "text": text + " And so on.", "url": "https://a.example/1"},
        {"id": "f", "title": title, "text": f"<p>{text}</p>"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = copydesk("dedupe", "a.jsonl", "--json", cwd=tmp_path)
    results = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert [results[name]["verdict"] for name in "abcdef"] == ["new", "new", "new", "duplicate", "revised", "new"]
    assert [results[name]["story_id"] for name in "abcdef"] == ["a", "a", "c", "a", "a", "a"]
    assert [results[name]["duplicate_of"] for name in "abcd"] == ["", "a", "", "a"]
    assert results["f"]["duplicate_of"] in ("a", "b")
    assert results["e"]["revision"] == 2
    assert "new 1  story a  like a" in copydesk("dedupe", "a.jsonl", cwd=tmp_path).stdout
    for line, message in (
        ("{", "not JSON: -, line 1"),
        ("[]", "not a JSON object: -, line 1"),
        ("{}", "row unreadable: 1 (neither"),
    ):
        assert message in copydesk("dedupe", "-", cwd=tmp_path, check=1, input=line).stderr


def test_dedupe_reports_unreadable_lines_and_continues(tmp_path: Path) -> None:
    lines = [
        "{",
        json.dumps({"id": "a", "title": "Salt canal reopens"}),
        "[]",
        "{}",
        json.dumps({"id": "b", "title": "Swans"}),
    ]
    done = copydesk("dedupe", "-", "--json", cwd=tmp_path, check=1, input="\n".join(lines))
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a", "b"]
    assert [
        message in done.stderr
        for message in ("not JSON: -, line 1", "not a JSON object: -, line 3", "row unreadable: 4 (neither")
    ] == [True] * 3


def test_dedupe_explains_comparison(tmp_path: Path) -> None:
    from tests.support.stories import story

    title, text = story(1)
    footer = "Subscribe to the letter of the Courier for more articles from the quay."
    rows = [
        {"id": str(n), "title": story(n)[0], "text": f"{story(n)[1]} {footer}", "publisher": "Courier"}
        for n in (5, 6, 7)
    ]
    rows += [{"id": "a", "title": title, "text": f"{text} {footer}", "publisher": "Courier"},
             {"id": "b", "title": title, "text": text, "publisher": "Tidewire"}]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    explanation = json.loads(copydesk("dedupe", "a.jsonl", "--explain", "a", "b", cwd=tmp_path).stdout)
    assert (explanation["copy"], explanation["rule"]) == (True, "equal text and similar title")
    assert explanation["excluded"] == {"a": [footer], "b": []}
    assert explanation["features"]["of_longer"] == pytest.approx(1)
    assert (
        "row not found: z; use the id of a row"
        in copydesk("dedupe", "a.jsonl", "--explain", "a", "z", cwd=tmp_path, check=1).stderr
    )


def test_url_prints_canonical_form_and_rules(tmp_path: Path) -> None:
    done = copydesk("url", "https://amp.a.example/x?utm_source=rss", "mailto:a@b", "--json", cwd=tmp_path, check=1)
    assert json.loads(done.stdout) == {
        "url": "https://amp.a.example/x?utm_source=rss", "canonical": "https://a.example/x", "key": "a.example/x",
        "rules": ["query", "variant"],
    }  # fmt: skip
    assert done.stderr == "copydesk: invalid link: mailto:a@b (not an http or https URL)\n"


def test_routes_test_prints_result_of_each_field(tmp_path: Path) -> None:
    rule = '[[routes]]\nname = "harbours"\nkeyword = ["harbour"]\nlanguage = ["en"]\n'
    (tmp_path / "copydesk.toml").write_text(f'{rule}[[routes]]\nname = "world"\nfolder = ["news"]\n')
    article = '{"id": "a", "revision": 1, "title": "The harbour", "language": "en", "folder": "news/world"}'
    done = copydesk("routes", "test", "-", "--json", cwd=tmp_path, input=article)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"route": "harbours", "taken": True, "fields": {"language": True, "keyword": True}},
        {"route": "world", "taken": True, "fields": {"folder": True}},
    ]
    assert "not a readable Article" in copydesk("routes", "test", "-", cwd=tmp_path, check=1, input="x").stderr
    assert "No such file" in copydesk("routes", "test", "gone.json", cwd=tmp_path, check=1).stderr


def test_progress_bar_appears_on_terminal_only(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{n}.html") for n in range(3)]
    for name in names:
        Path(name).write_text("<p>The harbour board reopened the canal on Monday.</p>")
    assert copydesk("clean", *names, cwd=tmp_path).stderr == ""
    terminal, child_end = pty.openpty()
    command = [sys.executable, "-m", "workers.cli", "clean", *names]
    environ = os.environ | {"TERM": "xterm-256color"}
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=child_end, env=environ, check=True, timeout=DEADLINE_S)
    os.close(child_end)
    assert b"files" in os.read(terminal, 100_000)
    os.close(terminal)


def test_clean_prints_documented_fields_only(tmp_path: Path) -> None:
    story = "".join(f"<p>The harbour board met for the {n}th time on Monday, its chair said.</p>" for n in range(4, 9))
    (tmp_path / "a.html").write_text(f'<h1>Board meets</h1>{story}<h3>Explore</h3><ul><li><a href="/x">Swans</a></ul>')
    row = json.loads(copydesk("clean", "a.html", "--json", cwd=tmp_path).stdout)
    assert set(row) - {"file"} <= {field.encode_name for field in msgspec.structs.fields(Article)}
