"""The commands that need no server."""

import json
import logging
import os
import pty
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S, ROOT, copydesk
from tests.support.feed_server import rss


def test_parse_gives_an_item_a_line_and_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(rss([("https://a.example/1", "One", "x"), ("https://a.example/2", "Two", "y")]))
    (tmp_path / "b.xml").write_text("<html>no feed</html>")
    (tmp_path / "c.xml").write_bytes(rss([("https://a.example/3", "Three", "z")]))
    done = copydesk("parse", "a.xml", "b.xml", "nowhere.xml", "c.xml", "--json", cwd=tmp_path, check=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["file"], r["title"]) for r in rows] == [("a.xml", "One"), ("a.xml", "Two"), ("c.xml", "Three")]
    assert done.stderr.splitlines() == [
        "copydesk: b.xml: an HTML page, not a feed",
        "copydesk: nowhere.xml: No such file or directory",
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


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(rss([(f"https://a.example/{n}", "T" * 1000, "x") for n in range(500)]))
    line = f"{sys.executable} -m workers.cli parse {tmp_path / 'a.xml'} | head -1 | wc -l"
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    assert done.stderr == ""


def test_help_ends_in_examples_and_names_the_exit_codes(tmp_path: Path) -> None:
    text = copydesk("--help", cwd=tmp_path).stdout
    assert "exit codes: 0 done, 1 failed, 2 usage or settings, 3 broker unreachable, 4 unhealthy" in text
    assert "copydesk up" in text
    copydesk(cwd=tmp_path, check=2)


@pytest.mark.corpus
def test_every_feed_of_the_corpus_is_parsed_or_refused_in_words(feeds_corpus: Path) -> None:
    """8,933 files: conformance suites and real captures, in one process."""
    files = sorted(p for p in feeds_corpus.rglob("*") if p.is_file() and "rw_series" not in p.parts)
    assert len(files) > 4000
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


@pytest.mark.corpus
def test_our_bounds_change_nothing_of_what_feedparser_expects_of_itself(feeds_corpus: Path) -> None:
    met = []
    for how in ((), ("ours",)):
        words = [sys.executable, "-m", "tests.support.feedparser_suite", str(feeds_corpus / "feedparser"), *how]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
        met.append({name for name, held in json.loads(done.stdout).items() if held})
    stock, ours = met
    assert len(stock) > 2_000
    assert stock - ours == {"wellformed/media-rss/media_group.xml"}, "there the description of a picture is the story's"


def test_judge_tells_copies_revisions_and_duplicates_of_a_file(tmp_path: Path) -> None:
    from tests.workers.dedupe.near_duplicates.test_index import reworded, story

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
    done = copydesk("judge", "a.jsonl", "--json", cwd=tmp_path)
    told = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert [told[name]["verdict"] for name in "abcdef"] == ["new", "new", "new", "duplicate", "revised", "new"]
    assert [told[name]["story_id"] for name in "abcdef"] == ["a", "a", "c", "a", "a", "a"]
    assert [told[name]["duplicate_of"] for name in "abcd"] == ["", "a", "", "a"]
    assert told["f"]["duplicate_of"] in ("a", "b")
    assert told["e"]["revision"] == 2
    assert "new 1  story a  like a" in copydesk("judge", "a.jsonl", cwd=tmp_path).stdout
    for bad, says in (("{", "line 1: not JSON"), ("[]", "line 1: not an object"), ("{}", "row 1: it has neither")):
        assert says in copydesk("judge", "-", cwd=tmp_path, check=1, input=bad).stderr


def test_url_shows_how_links_are_spelt(tmp_path: Path) -> None:
    done = copydesk("url", "https://amp.a.example/x?utm_source=rss", "mailto:a@b", "--json", cwd=tmp_path, check=1)
    assert json.loads(done.stdout) == {
        "url": "https://amp.a.example/x?utm_source=rss", "canonical": "https://a.example/x", "key": "a.example/x",
        "rules": ["query", "variant"],
    }  # fmt: skip
    assert done.stderr == "copydesk: mailto:a@b: not an http or https link\n"


def test_routes_test_says_what_of_each_rule_holds(tmp_path: Path) -> None:
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


def test_long_work_shows_its_progress_to_people_only(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{n}.html") for n in range(3)]
    for name in names:
        Path(name).write_text("<p>The harbour board reopened the canal on Monday.</p>")
    assert copydesk("clean", *names, cwd=tmp_path).stderr == ""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "workers.cli", "clean", *names]
    environ = os.environ | {"TERM": "xterm-256color"}
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environ, check=True, timeout=DEADLINE_S)
    os.close(theirs)
    assert b"files" in os.read(ours, 100_000)
    os.close(ours)


def test_logs_can_be_json(capsys: pytest.CaptureFixture[str]) -> None:
    from workers.logging_setup import configure_logging

    before = logging.getLogger().handlers[:]
    try:
        configure_logging("INFO", format="json")
        logging.getLogger("workers.desk.desk").info("%s item=%s took=%d: %s", "new", "a.example/1", 7, "Canal reopens")
        try:
            raise ValueError("odd")
        except ValueError:
            logging.getLogger("workers.desk.desk").exception("it broke")
    finally:
        logging.getLogger().handlers[:] = before
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["event"] == "new item=a.example/1 took=7: Canal reopens"
    assert (first["item"], first["took"], first["level"], first["logger"]) == (
        "a.example/1",
        7,
        "info",
        "workers.desk.desk",
    )
    assert datetime.fromisoformat(first["timestamp"]).tzinfo
    assert "ValueError: odd" in second["exception"]


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in copydesk("check", "--json", cwd=tmp_path).stdout.splitlines()]
    assert {row["what"] for row in rows} == {"settings", "broker", "memory", "counters", "desk", "workers", "feeds"}
    assert all(row["good"] for row in rows)
    gone = copydesk("check", "--broker-url", "redis://:secret@127.0.0.1:1", cwd=tmp_path, check=3)
    assert "secret" not in gone.stdout + gone.stderr
