"""Invented dumps as HTML for the training set: each block has the label of its line."""

import pytest

pytestmark = pytest.mark.train


def test_items_keep_the_labels_of_lines() -> None:
    from tests.tools.train.dumps.markup import feed_items
    from tests.tools.train.dumps.templates import read_templates
    from tests.tools.train.dumps.writer import BODY

    stories = [{line.text for line in template.lines if line.label == BODY} for template in read_templates()]
    for story, document in zip(stories, feed_items(1), strict=True):
        body = {block.text for block, own in zip(document.blocks, document.body, strict=True) if own}
        assert body <= story
        assert body
        clutter = {block.text for block, own in zip(document.blocks, document.hard, strict=True) if own}
        assert not clutter & body


def test_pages_same_seed_gives_same_blocks() -> None:
    from tests.tools.train.dumps.markup import pages

    once, again = ([[block.text for block in document.blocks] for document in pages(1)] for _ in range(2))
    assert once == again
    assert len(once) > 600
