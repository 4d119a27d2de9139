"""Stories of a batch, decided from a snapshot of the index; without a server."""

from collections.abc import Mapping

from tests.support.stories import DAY_S, NOW_S, reworded, signed, story
from workers.dedupe.near_duplicates.stories import (
    BUCKET,
    REF_BYTES,
    BatchDecisions,
    Decided,
    NewArticle,
    Snapshot,
    decode,
    encode,
)

WINDOW_S = 7 * DAY_S
EMPTY: dict[bytes, bytes] = {}


def new(
    name: str, number: int, *, copy: bool = False, publisher: str = "Tidewire", time_s: float = NOW_S
) -> NewArticle:
    """Return an article with the text of an invented story, or with a copy of that text."""
    title, text = story(number)
    id_, signature = signed(name, title, reworded(text) if copy else text, publisher, time_s)
    return NewArticle(id_, bytes.fromhex(id_)[:REF_BYTES], signature)


def decide(
    articles: list[NewArticle], lists: Mapping[bytes, bytes] = EMPTY, texts: Mapping[bytes, bytes] = EMPTY
) -> Decided:
    return BatchDecisions(Snapshot([dict(lists), {}], dict(texts)), WINDOW_S).decide(articles)


def test_copies_of_a_batch_join_the_first() -> None:
    first, copy, other = new("a", 1), new("b", 1, copy=True, publisher="Courier"), new("c", 2)
    decided = decide([first, copy, other])
    assert [assignment.story for assignment in decided.assignments] == [first.id, first.id, other.id]
    assert [assignment.duplicate_of for assignment in decided.assignments] == ["", first.id, ""]
    assert [claim.ref for claim in decided.claims] == [first.ref, copy.ref, other.ref]


def test_copy_joins_the_story_of_the_index() -> None:
    first, copy = new("a", 1), new("b", 1, copy=True, publisher="Courier")
    before = decide([first])
    [assignment] = decide([copy], before.lists, {claim.ref: claim.value for claim in before.claims}).assignments
    assert (assignment.story, assignment.duplicate_of) == (first.id, first.id)


def test_claimed_article_keeps_its_story() -> None:
    first, copy = new("a", 1), new("b", 1, copy=True, publisher="Courier")
    before = decide([first, copy])
    again = decide([copy, copy], before.lists, {claim.ref: claim.value for claim in before.claims})
    assert {assignment.story for assignment in again.assignments} == {first.id}
    assert again.claims == []


def test_repeated_article_of_a_batch_has_one_claim() -> None:
    first, copy = new("a", 1), new("b", 1, copy=True, publisher="Courier")
    decided = decide([first, copy, copy])
    assert [assignment.story for assignment in decided.assignments] == [first.id] * 3
    assert [assignment.duplicate_of for assignment in decided.assignments] == ["", first.id, first.id]
    assert [claim.ref for claim in decided.claims] == [first.ref, copy.ref]


def test_other_text_of_an_index_key_is_no_copy() -> None:
    first, other = new("a", 1), new("b", 2)
    [claim] = decide([first]).claims
    lists = dict.fromkeys(other.text_signature.keys[:1], first.ref * BUCKET)
    decided = decide([other], lists, {claim.ref: claim.value})
    assert [assignment.story for assignment in decided.assignments] == [other.id]
    assert not lists.keys() & decided.lists.keys(), "a full list does not grow"


def test_identical_text_adds_no_index_keys() -> None:
    first, same = new("a", 1), new("b", 1, publisher="Courier")
    decided = decide([first, same])
    assert decided.assignments[1].near_identical
    assert all(same.ref not in list_ for list_ in decided.lists.values())


def test_copy_after_the_window_is_its_own_story() -> None:
    first, late = new("a", 1), new("b", 1, publisher="Courier", time_s=NOW_S + 2 * WINDOW_S)
    assert [assignment.story for assignment in decide([first, late]).assignments] == [first.id, late.id]


def test_assignment_survives_its_stored_value() -> None:
    for article, assignment in zip(
        batch := [new("a", 1), new("b", 1, copy=True)], decide(batch).assignments, strict=True
    ):
        signature, stored = decode(article.id, encode(article.id, assignment, article.text_signature.signature))
        assert stored == assignment._replace(near_identical=False)
        assert signature == (b"" if assignment.near_identical else article.text_signature.signature)
