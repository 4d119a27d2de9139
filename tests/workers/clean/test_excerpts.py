"""Excerpts of labelled dumps for the training set: short dumps with the furniture of the page."""

import pytest

from tests.tools.train.corpus import Document
from workers.clean.blocks import Block

pytestmark = pytest.mark.train

HEAD, BODY, TAIL = 6, 20, 9


def page() -> Document:
    """Return an invented page with numbered lines and a label between two paragraphs."""
    lines = [f"Menu {n}" for n in range(HEAD)] + ["The ferry stopped again"]
    lines += [f"Paragraph {n} says that the ferry stopped. It did. Nobody knew why it had." for n in range(BODY)]
    lines[-1:-1] = ["Read more"]
    lines += [f"Other headline {n}" for n in range(TAIL)]
    body = [line.startswith("Paragraph") for line in lines]
    return Document(
        "a/1", "a.example", "a", [Block(line, "line") for line in lines], body, [1.0] * len(lines),
        [not own for own in body], title=[n == HEAD for n in range(len(lines))],
    )  # fmt: skip


def test_excerpts_keep_labels_title_and_ends() -> None:
    from tests.tools.train.dumps.excerpts import excerpts

    documents = list(excerpts([page()] * 40))
    assert len(documents) == 40
    for document in documents:
        assert document.site == "a.example"
        assert 2 <= sum(document.body) <= 9
        assert sum(document.title) == 1
        assert len(document.blocks) == len(document.body) == len(document.trust) == len(document.hard)
        if "pseudo" not in document.name:
            texts = [block.text for block in document.blocks]
            labels = [text.startswith("Paragraph") for text in texts]
            assert labels == document.body
            assert any(text.startswith("Paragraph 19") for text in texts)


def test_excerpts_same_seed_gives_same_lines() -> None:
    from tests.tools.train.dumps.excerpts import excerpts

    first, second = ([[b.text for b in d.blocks] for d in excerpts([page()] * 5)] for _ in range(2))
    assert first == second


def test_excerpts_leave_out_short_pages() -> None:
    from tests.tools.train.dumps.excerpts import excerpts

    document = page()
    document.body = [False] * len(document.body)
    assert list(excerpts([document])) == []
