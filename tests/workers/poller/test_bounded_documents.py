"""robots.txt and OPML files: bounded work for large and hostile ones."""

import time
from pathlib import Path

import pytest

from workers.poller.opml import read_outlines
from workers.poller.robots import MAX_RULES, RobotsRules, relevant_lines

MAX_CPU_S = 5.0  # each takes less than .5 s; before the bounds they took more than 10 s


@pytest.mark.parametrize("rule", ["Disallow: /*a{}*b$", "Disallow: /" + "*a" * 100 + "{}", "Disallow: /x{}"])
def test_robots_with_many_rules_is_fast(rule: str) -> None:
    text = "User-agent: *\n" + "\n".join(rule.format(n) for n in range(25_000))
    start_s = time.process_time()
    rules = RobotsRules(text)
    for n in range(20):
        rules.allows(f"https://a.example/{n}" + "a" * 4_000)
    assert time.process_time() - start_s < MAX_CPU_S


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /p", False),
        ("User-agent: *\nDisallow: /p\n\nUser-agent: copydesk\nDisallow: /q", True),
        ("User-agent: Copydesk\nDisallow: /p\n\nUser-agent: *\nDisallow: /q", False),
        ("User-agent: other\nUser-agent: *\n\nDisallow: /p", False),
        ("User-agent: *\nUser-agent: other\nDisallow: /p", False),
        ("User-agent: other\nDisallow: /p", True),
        ("User-agent: other\nDisallow: /p\nUser-agent *\nDisallow: /q", True),
        ("User-agent: other # *\nDisallow: /p", True),
        ("User-agent: *copy*\nDisallow: /p", False),
        ("User-agent: Copydesk/1.0\nDisallow: /p", False),
        ("User-agent: copydesk (news)\nDisallow: /p\n\nUser-agent: *\nAllow: /", False),
        ("User-agent: c\nDisallow: /p", True),
        ("User-agent: copy\nDisallow: /p\n\nUser-agent: *\nAllow: /", True),
        ("User-agent: copy\nAllow: /\n\nUser-agent: *\nDisallow: /p", False),
        ("User-agent: copydesk-images\nDisallow: /p", True),
        ("User-agent: other\nUser-agent: copydesk\nUser-agent: c\nDisallow: /p", False),
        ("User-agent: copydesk\nDisallow: /q\n\nUser-agent: copydesk/2\nDisallow: /p", False),
        ("User-agent:\nDisallow: /p", True),
        ("User-agent: *\nAllow: /p/1\nDisallow: /p", True),
        ("".join(f"User-agent: a{n}\nDisallow: /\n" for n in range(25_000)) + "User-agent: *\nDisallow: /p", False),
        ("User-agent: *\n" + "Disallow: /x\n" * 25_000 + "User-agent: copydesk\nDisallow: /p", False),
        ("User-agent: *\nDisallow: /" + "x" * 400_000 + "\nDisallow: /p", False),
    ],
)
def test_robots_rules_apply_by_group(text: str, is_allowed: bool) -> None:
    assert RobotsRules(text).allows("https://a.example/p/1") is is_allowed


def test_robots_delay_is_of_own_group() -> None:
    assert RobotsRules("User-agent: *\nCrawl-delay: 3").delay_s == 3
    assert RobotsRules("User-agent: x\nCrawl-delay: 3").delay_s == 0
    assert RobotsRules("User-agent: copy\nCrawl-delay: 3").delay_s == 0
    assert RobotsRules("User-agent: copydesk/1.0\nCrawl-delay: 3\n\nUser-agent: *\nCrawl-delay: 9").delay_s == 3


def test_relevant_lines_are_bounded() -> None:
    assert len(relevant_lines("User-agent: *\n" + "Disallow: /a\n" * 9_000).splitlines()) == MAX_RULES


OUTLINES = {
    "categories": '<outline xmlUrl="https://a.example/f" category="{}"/>'.format(
        ",".join(f"c{n}" for n in range(200_000))
    ),
    "repeats": "".join(
        f'<outline text="f{n}"><outline xmlUrl="https://a.example/f"/></outline>' for n in range(40_000)
    ),
    "depth": '<outline text="d">' * 5_000 + '<outline xmlUrl="https://b.example/f"/>' * 5_000,
    "attributes": "<outline " + " ".join(f"a{n}='1'" for n in range(60_000)) + "/>",
}


@pytest.mark.parametrize("name", OUTLINES)
def test_hostile_opml_is_read_fast(name: str, tmp_path: Path) -> None:
    path = tmp_path / "f.opml"
    path.write_text(f'<opml version="2.0"><body><outline xmlUrl="https://a.example/f"/>{OUTLINES[name]}</body></opml>')
    start_s = time.process_time()
    assert read_outlines(path)[0].url == "https://a.example/f"
    assert time.process_time() - start_s < MAX_CPU_S
