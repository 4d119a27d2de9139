"""Rare branches of decisions, each by the input that takes it."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace as changed

from streams.config.tables import Route
from streams.errors import SettingsError
from streams.routing import Router
from tests.support.site import article
from workers.clean.blocks import Block
from workers.clean.cleaner import clean
from workers.clean.corrections import find_correction
from workers.clean.dump_fields import byline_names
from workers.clean.head_labels import label_head
from workers.clean.html_limits import limit_markup
from workers.clean.html_parser import parse_html
from workers.clean.labelling import Labelling, Prediction
from workers.clean.model.line_features import LINE_COLUMNS, line_features
from workers.clean.site_rules.application import apply_rule
from workers.clean.site_rules.collection import SiteRules
from workers.clean.site_rules.ftr import parse_ftr
from workers.clean.site_rules.rule import quote
from workers.clean.trees import Node, insert_after, insert_before, insert_text_before, remove, text_before, unwrap
from workers.dedupe.classify import ArticleMemory, Status, classify
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.word_arrays import read_words
from workers.poller.new_items import find_new_items, without_entries
from workers.text.names import author_names
from workers.urls.canonical import slug_key
from workers.web.feed_writers import atom


def test_slug_key_needs_number_before_slug() -> None:
    link = "https://a.example/news/123456/canal-reopens-at-last"
    assert slug_key(link) == "a.example/news/123456/canal-reopens-at-last"
    assert slug_key("https://a.example/news/canal-reopens-at-last") == ""
    assert slug_key(f"{link}?page=2") == ""


def test_quote_takes_the_other_quotation_mark() -> None:
    assert quote("it's", "a.txt:1") == '"it\'s"'
    assert quote('"a"', "a.txt:1") == "'\"a\"'"
    with pytest.raises(SettingsError, match="both quotes"):
        quote('it\'s "a"', "a.txt:1")


def test_site_rules_without_folder_are_empty(tmp_path: Path) -> None:
    assert SiteRules.read(None).find("https://a.example/1") == ()
    with pytest.raises(SettingsError, match="unreadable site_rules"):
        SiteRules.read(tmp_path / "missing")


def test_withdrawn_article_is_deleted_entry() -> None:
    withdrawn = changed(article(1), withdrawn="an error")
    text = atom("News", "https://a.example/atom", [article(2), withdrawn]).decode()
    assert "deleted-entry" in text
    assert "an error" in text


def test_router_names_its_routes() -> None:
    assert Router((Route("world", keyword=("sea",)),)).names == ["world"]


def test_correction_hint_alone_is_no_note() -> None:
    assert find_correction(("The council corrected the map of the harbour.",)) is None


def test_byline_of_long_line_is_empty() -> None:
    assert byline_names("By Ann Reed " + "and others " * 100) == ()


def test_line_features_of_no_lines_are_empty() -> None:
    assert line_features([], {}).shape == (0, len(LINE_COLUMNS))


def test_footnote_link_of_text_stays() -> None:
    html = "<p>The canal opened<a href='#n1'>1</a> and the board <a href='#board'>met again</a> on Monday.</p>"
    [paragraph] = clean(html, "html").paragraphs
    assert paragraph == "The canal opened¹ and the board met again on Monday."


def tree() -> tuple[Node, Node, Node]:
    """Return <div>a<b>b</b>c<i>d</i>e</div> as its three nodes."""
    root = Node("div")
    root.text = "a"
    bold, italic = Node("b", {}, root), Node("i", {}, root)
    bold.text, bold.tail, italic.text, italic.tail = "b", "c", "d", "e"
    return root, bold, italic


def test_tree_edits_keep_the_text() -> None:
    root, bold, italic = tree()
    insert_after(bold, Node("u"))
    insert_after(italic, Node("s"))
    assert [node.tag for node in root] == ["b", "u", "i", "s"]
    assert root.all_text() == "abcde"
    insert_before(bold, italic)
    assert [node.tag for node in root][:2] == ["i", "b"]
    unwrap(bold)
    remove(italic)
    assert "b" in root.all_text()


def test_tree_edits_of_lone_node_change_nothing() -> None:
    lone = Node("p")
    insert_text_before(lone, "a")
    insert_after(lone, Node("b"))
    remove(lone)
    insert_before(lone, Node("c"))
    assert text_before(lone) == ""
    assert lone.all_text() == ""


def test_text_before_first_inline_element_is_outside() -> None:
    bold = tree()[1]
    bold.text = ""
    assert text_before(Node("i", {}, bold)) == "a"


def test_copy_of_another_feed_is_duplicate() -> None:
    memory = ArticleMemory(2, 100.0, (b"old",))
    found = classify(memory, b"new", 200.0, may_revise=False)
    assert (found.status, found.revision) == (Status.DUPLICATE, 2)


def test_no_signatures_give_no_similarities() -> None:
    assert load_default().compare_all([]) == []
    assert load_default().compare_all([(b"", ())]) == [[]]


def test_names_and_addresses_in_one_list() -> None:
    assert author_names("Ann Reed a@x.example, Bo Li b@y.example") == ("Ann Reed", "Bo Li")


RULES = """title: //h2
title: string(//h1)
body: unknown(//p)
body: //div[@id='story']
strip: //p[@class='x']/text()
strip: //p[@class='x']
"""
PAGE = (
    "<!doctype html><html><body><h1>Ferry\x01 returns</h1><div id=story><p>The ferry left on time.</p>"
    "<p class=x>Get the app&#65534;</p></div></body></html>"
)


def test_site_rule_of_strings_and_unknown_functions() -> None:
    root = parse_html(PAGE, page=True)
    applied = apply_rule(root, parse_ftr(RULES, "a.txt"))
    assert applied.title == "Ferry returns"
    assert [block.text for block in applied.removed] == ["Get the app"]
    assert applied.body is not None
    assert applied.body.all_text().strip() == "The ferry left on time."


def test_unreadable_entries_are_new_once() -> None:
    entries = (("<item a>", "no title"), ("<item b>", "no title"))
    first = find_new_items([], b"", unreadable=entries)
    assert first.entries == entries
    assert find_new_items([], first.known_items, unreadable=entries).entries == ()
    known = without_entries(first.known_items, ["<item b>"])
    assert find_new_items([], known, unreadable=entries).entries == entries[1:]


def test_linked_image_takes_sources_of_its_picture() -> None:
    html = (
        "<p>The ferry left.</p><picture><source srcset='/big.jpg 1200w, /small.jpg 300w'><a href='/x'><span>"
        "<img src='/i.jpg'></span></a></picture>"
    )
    [image] = clean(html, "html", url="https://a.example/1").images
    assert image.url == "https://a.example/big.jpg"


def test_markup_limiter_ignores_closing_tags_without_element() -> None:
    unit = (
        "<p>a</b></div></font><iframe src='x'>y</iframe><title>t</title><table><tr><td></p></ul></td></tr></table></p>"
    )
    crowded = unit + "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">end</p>"
    limited = limit_markup(crowded.encode())
    assert limited != crowded.encode()
    assert b"a500=" not in limited
    assert "end" in parse_html(crowded).all_text()


def test_markup_limiter_writes_safe_attribute_names() -> None:
    crowded = "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">"
    limited = limit_markup(f"<p id=x a'b=1>a</p>{crowded}".encode())
    assert b'<p id="x">a</p>' in limited


def test_tags_with_few_crowds_of_attributes_stay() -> None:
    html = ("<p " + " ".join(f"a{n}=1" for n in range(200)) + ">end</p>").encode() * 30
    assert limit_markup(html) == html


def test_row_of_more_cells_than_a_table_has_is_no_row() -> None:
    shape = LINE_COLUMNS.index("shape_table_row")
    own = {n: np.zeros(1, np.float32) for n in ("is_label", "weak_label", "cohesion", "sentence", "date")}
    rows = [line_features([Block(f"Points {cells}", "line")], own)[0, shape] for cells in ("3 1 2", "3 1 2 " * 5 + "1")]
    assert rows == [1, 0]


FURNITURE = "".join(f"<p>Section {chr(65 + n)}</p>" for n in range(20))
STORY = "".join(
    f"<p>The harbour board reopened the {name} canal on Monday, nine years after the flood closed it.</p>"
    for name in ("salt", "north", "old", "long")
)


def test_blocks_far_above_the_title_of_a_page_are_removed() -> None:
    page = f"<html><body><div>{FURNITURE}</div><h1>Canal reopens after nine years</h1>{STORY}</body></html>"
    cleaned = clean(page, "page", title="Canal reopens after nine years")
    assert len(cleaned.paragraphs) == 4
    assert not any("Section" in paragraph for paragraph in cleaned.paragraphs)


def test_title_that_ends_a_breadcrumb_is_the_title_of_a_dump() -> None:
    lines = (
        "News Canal reopens after nine years",
        "Canal reopens after nine years",
        "The board reopened it on Monday.",
    )
    blocks = [Block(line, "line") for line in lines]
    predictions = [Prediction(0.1, False, 0.9), Prediction(0.1, False, 0.6), Prediction(0.9, True)]
    labelling = Labelling(blocks, predictions, has_surroundings=True)
    label_head(labelling)
    assert [label.label for label in labelling.labels[:2]].index("title") == 1


def test_comments_beside_the_story_are_removed() -> None:
    comment = "<p>I have walked along that canal every morning since the flood, and I am glad of it.</p>"
    page = (
        f"<html><body><main><h1>Canal reopens after nine years</h1>{STORY}</main>"
        f"<section><h3>Comments</h3>{comment}</section></body></html>"
    )
    assert not any("I have walked" in paragraph for paragraph in clean(page, "page").paragraphs)


def test_texts_without_words_and_removed_sentences() -> None:
    assert read_words([]) == []
    [words] = read_words(["The canal opened on Monday."])
    assert words.without(()) is words
