"""File formats of `copydesk ingest`: detection, items, positions, damage."""

import gzip
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.errors import CopydeskError, UnreadableError
from tests.support.archives import CAPTURED, warc_record
from tests.support.feed_server import rss
from workers.commands.intake import FORMAT_NAMES
from workers.intake.formats import FORMATS, FileContext, FileRecord, detect_format

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CONTEXT = FileContext("story.txt", "source:files", "", NOW)
PAGE = "<!doctype html><html><head>{head}</head><body><article><h1>Bridge opens</h1><p>It opened.</p></article></body></html>"
MESSAGE = b"""From desk@courier.example Thu Nov 26 09:00:00 2026
From: Ida Marrow <ida@courier.example>
Subject: =?utf-8?q?Br=C3=BCcke?= opens
Date: Thu, 26 Nov 2026 09:00:00 +0100
Message-ID: <%d@courier.example>
Content-Type: text/html; charset=utf-8

<p>It opened.</p>
>From here it is short.

"""


def warc(*pages: tuple[str, str, str], compressed: bool = True) -> bytes:
    """Return a WARC file of (url, status, content type), each before a metadata record."""
    records = []
    for url, status, media_type in pages:
        response = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n\r\n{PAGE.format(head='')}".encode()
        records.append(warc_record("response", url, response, "application/http; msgtype=response"))
        records.append(warc_record("metadata", url, b"x: 1", "application/warc-fields"))
    return b"".join(gzip.compress(record) if compressed else record for record in records)


def read(data: bytes, name: str = "file", start: int = 0, url: str = "") -> list[FileRecord]:
    file = io.BytesIO(data)
    return list(detect_format(name, file).read(file, start, CONTEXT._replace(name=name, url=url)))


def keys(records: list[FileRecord]) -> list[str]:
    return [item.identity_key for record in records for item in record.items]


WARC = warc(
    ("https://courier.example/1", "200 OK", "text/html; charset=utf-8"),
    ("https://courier.example/2", "404 Not Found", "text/html"),
    ("https://courier.example/3.png", "200 OK", "image/png"),
    ("https://courier.example/4", "200 OK", "application/xhtml+xml"),
)
SAMPLES = {
    "warc": ("news.warc.gz", WARC, ["courier.example/1", "courier.example/4"]),
    "mbox": ("box", MESSAGE % 1 + MESSAGE % 2, ["source:files#<1@courier.example>", "source:files#<2@courier.example>"]),
    "feed": ("f.xml", rss([("https://courier.example/1", "One", "a")]), ["courier.example/1"]),
    "jsonl": (
        "rows", b'{"url": "https://courier.example/1"}\n\n{"id": 2, "title": "b"}', ["courier.example/1", "source:files#2"],
    ),
    "page": ("p.html", PAGE.format(head="").encode(), ["source:files#p.html"]),
    "text": ("d.txt", b"World\nBridge opens\nIt opened.\n", ["source:files#d.txt"]),
}  # fmt: skip


def test_command_lists_all_formats() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES


@pytest.mark.parametrize("format_name", SAMPLES)
def test_file_is_detected_and_read(format_name: str) -> None:
    name, data, wanted = SAMPLES[format_name]
    assert detect_format(name, io.BytesIO(data)) is FORMATS[format_name]
    assert keys(read(data, name)) == wanted


@pytest.mark.parametrize("format_name", SAMPLES)
def test_reading_resumes_after_each_record(format_name: str) -> None:
    name, data, _ = SAMPLES[format_name]
    records = read(data, name)
    for number, record in enumerate(records, 1):
        assert read(data, name, start=record.end) == records[number:]


def test_parquet_rows_become_items(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"id": str(n), "title": f"Story {n}", "date_published": NOW} for n in range(250)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    data = (tmp_path / "rows.parquet").read_bytes()
    records = read(data)
    assert keys(records) == [f"source:files#{n}" for n in range(250)]
    assert records[0].items[0].published == NOW
    assert keys(read(data, start=249)) == ["source:files#249"]
    with pytest.raises(UnreadableError, match="damaged Parquet file"):
        read(data[:-20])


def test_warc_item_arrived_at_capture() -> None:
    [item, _] = [item for record in read(WARC, "news.warc.gz") for item in record.items]
    assert item.fetched_at == CAPTURED
    assert item.page is not None
    assert "It opened." in item.page.html


def test_uncompressed_warc_is_read() -> None:
    data = warc(("https://courier.example/1", "200 OK", "text/html"), compressed=False)
    assert keys(read(data, "x")) == ["courier.example/1"]


@pytest.mark.parametrize("compressed", [True, False])
def test_truncated_warc_gives_complete_records_and_an_error(compressed: bool) -> None:
    whole = warc(*((f"https://courier.example/{n}", "200 OK", "text/html") for n in (1, 2)), compressed=compressed)
    ends = [record.end for record in FORMATS["warc"].read(io.BytesIO(whole), 0, CONTEXT)]
    for size in range(1, len(whole)):
        seen: list[FileRecord] = []
        is_damaged = False
        try:
            seen += FORMATS["warc"].read(io.BytesIO(whole[:size]), 0, CONTEXT)
        except UnreadableError as exc:
            is_damaged = str(exc).startswith("damaged WARC file after byte")
        pages = [item.page.html for record in seen for item in record.items if item.page]
        assert all("It opened.</p>" in page for page in pages), size
        is_complete = any(
            end - 12 <= size <= end + 4 for end in ends
        )  # without the last line breaks and the gzip trailer
        assert is_damaged or is_complete, size


def test_mail_has_decoded_title_author_and_body() -> None:
    [item] = read(MESSAGE % 1)[0].items
    assert (item.title, item.authors) == ("Brücke opens", ("Ida Marrow",))
    assert item.published == datetime(2026, 11, 26, 8, tzinfo=UTC)
    assert "It opened." in item.content[0].value


def test_canonical_link_identifies_a_page() -> None:
    head = '<link rel="canonical" href="https://courier.example/bridge">'
    assert keys(read(PAGE.format(head=head).encode(), "p.html")) == ["courier.example/bridge"]
    assert keys(read(PAGE.format(head=head).encode(), "p.html", url="https://courier.example/x")) == [
        "courier.example/x"
    ]


def test_unreadable_lines_fail_on_their_own() -> None:
    records = read(b'{"title": "a"}\n{"title": \n{"url": "x:y"}\n[1]\n{"title": "b"}\n', "rows.jsonl")
    assert [item.title for record in records for item in record.items] == ["a", "b"]
    errors = [error for record in records for _, error in record.failed]
    assert [error.partition("position ")[2].partition(":")[0] for error in errors] == ["26", "41", "45"]
    assert all(error.startswith("rows.jsonl: record before position ") for error in errors)


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 50, b"WARC/1.0\r\nx", b"PAR1xx", b"From a", b"\x1f\x8b"])
@pytest.mark.parametrize("name", ["x", "x.warc.gz", "x.jsonl", "x.mbox", "x.html"])
def test_rubbish_gives_items_or_a_named_error(name: str, data: bytes) -> None:
    try:
        records = read(data, name)
    except CopydeskError as exc:  # also: pyarrow is missing
        assert str(exc)
    else:
        assert all(record.end > 0 for record in records)


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", b"%PDF-1.7\n" + bytes(200)]
)
def test_binary_file_is_no_text_dump(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="not text"):
        read(data, "photo.bin")
