"""Site evidence: votes of an article, and decisions by the votes of earlier articles."""

import pytest

from workers.clean.blocks import Block
from workers.clean.cleaner import clean, clean_blocks
from workers.clean.document import to_blocks
from workers.clean.element_paths import path_key, path_keys, path_of
from workers.clean.labeller import label_blocks
from workers.clean.labelling import Labelling, Prediction
from workers.clean.line_patterns import pattern_key, pattern_of
from workers.clean.site_evidence import MAX_VOTES, NAME_BYTES, learn
from workers.clean.site_facts import BODY_VOTE, CLUTTER_VOTE, SiteFacts, line_key

SENTENCES = (
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it.",
    "Nobody at the lock expected that so many boats would wait there before sunrise on the first day.",
    "The council will decide next spring whether the second gate is repaired as well.",
)
TEASER = "Night tram returns to the old bridge"
TEASER_SENTENCE = "The night tram returns to the old bridge in May, and tickets cost less than before."
CLOCK = "Last change at 17:25 by the web desk"
CLUTTER, BODY = 9 * CLUTTER_VOTE, 9 * BODY_VOTE


def page_html(*lines: str, number: int = 1) -> str:
    story = "".join(f'<p class="p{number}">{line}</p>' for line in SENTENCES)
    items = "".join(f"<li>{line}</li>" for line in lines)
    return (
        f'<html><body><div class="story">{story}</div><div class="more id{number}"><ul>{items}</ul></div></body></html>'
    )


def labelled(blocks: list[Block], facts: SiteFacts, probability: float = 0.4, *, keep: bool = True) -> Labelling:
    """Return the labels of blocks of which the model keeps all sentences of SENTENCES, and others if *keep*."""
    predictions = [
        Prediction(0.99, True) if block.text in SENTENCES else Prediction(probability, keep) for block in blocks
    ]
    return label_blocks(blocks, predictions, "Salt canal reopens", facts=facts, has_surroundings=True)


def kept(labelling: Labelling) -> list[str]:
    return [b.text for b, label in zip(labelling.blocks, labelling.labels, strict=True) if b.text and not label.reason]


def item_path(blocks: list[Block]) -> bytes:
    element = blocks[-1].element
    assert element is not None
    return path_key(element)


def make_facts(blocks: list[Block], line: str, votes: int, *, articles: int = 9, repeats: int = 0) -> SiteFacts:
    """Return facts with *votes* of the path of the last block, and *repeats* of *line*."""
    counts = {item_path(blocks): votes} | ({line_key(line): repeats} if repeats else {})
    return SiteFacts(counts=counts, articles=articles)


def test_path_leaves_out_names_with_digits() -> None:
    first, second = (to_blocks(page_html(TEASER, number=n), "page").blocks for n in (1, 2))
    assert [path_of(b.element) for b in first if b.element] == [path_of(b.element) for b in second if b.element]
    assert path_of(first[-1].element) == "body > div.more > ul > li"  # type: ignore[arg-type]
    assert path_keys(first) == path_keys(second) and len(path_keys(first)) == 2


def test_navigation_has_no_path() -> None:
    html = f"<html><body><nav><ul><li>{TEASER}</li></ul></nav><p>{SENTENCES[0]}</p></body></html>"
    assert len(path_keys(to_blocks(html, "page").blocks)) == 1


@pytest.mark.parametrize(
    ("line", "votes", "probability", "articles", "repeats", "removed"),
    [
        (TEASER, CLUTTER, 0.4, 9, 0, True),
        (TEASER, 2 * CLUTTER_VOTE, 0.4, 9, 0, False),  # too few articles with clutter
        (TEASER, CLUTTER, 0.4, 7, 0, False),  # too few articles of the site
        (TEASER, CLUTTER, 0.6, 9, 0, False),  # the model does not doubt
        (TEASER, CLUTTER + 4 * BODY_VOTE, 0.4, 9, 0, False),  # body text is there, too
        (TEASER_SENTENCE, CLUTTER, 0.1, 9, 0, False),  # a sentence of this article only
        (TEASER_SENTENCE, CLUTTER, 0.1, 9, 1, False),
        (TEASER_SENTENCE, CLUTTER, 0.8, 9, 2, True),
        (TEASER_SENTENCE, CLUTTER, 0.95, 9, 2, False),
        (TEASER_SENTENCE, 0, 0.8, 9, 2, False),
    ],
)
def test_clutter_path_removes_doubtful_block(
    line: str, votes: int, probability: float, articles: int, repeats: int, removed: bool
) -> None:
    blocks = to_blocks(page_html(line), "page").blocks
    labelling = labelled(blocks, make_facts(blocks, line, votes, articles=articles, repeats=repeats), probability)
    assert kept(labelling) == [*SENTENCES, *([] if removed else [line])]
    assert bool(labelling.by_evidence) == removed


@pytest.mark.parametrize(
    ("counts", "probability", "removed"),
    [
        (4 * CLUTTER_VOTE, 0.6, True),
        (3 * CLUTTER_VOTE, 0.6, False),
        (1 + 3 * CLUTTER_VOTE, 0.6, True),
        (4 * CLUTTER_VOTE, 0.8, False),
    ],
)
def test_removed_line_of_earlier_articles_is_removed(counts: int, probability: float, removed: bool) -> None:
    blocks = to_blocks("\n".join((*SENTENCES, TEASER_SENTENCE)), "text").blocks
    facts = SiteFacts(counts={line_key(TEASER_SENTENCE): counts}, articles=9)
    assert (TEASER_SENTENCE not in kept(labelled(blocks, facts, probability))) == removed


@pytest.mark.parametrize(("patterns", "removed"), [(2, False), (3, True)])
def test_pattern_of_earlier_articles_is_removed(patterns: int, removed: bool) -> None:
    blocks = to_blocks("\n".join((*SENTENCES, CLOCK)), "text").blocks
    facts = SiteFacts(counts={pattern_key("Last change at 3:01 by the web desk"): patterns}, articles=9)
    assert (CLOCK not in kept(labelled(blocks, facts, 0.8))) == removed


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Comments (14)", "comments 0"),
        ("Serves 4", ""),  # too few letters
        ("No comments", ""),
        ("10 January 2026 12:30 From: The Courier of Dunscar 3 comments", "0 january 0 0 …car 0 comments"),
        ("2-1", ""),
    ],
)
def test_pattern_replaces_numbers_and_middle(text: str, pattern: str) -> None:
    assert pattern_of(text) == pattern


def test_article_votes_for_paths_and_lines() -> None:
    blocks = to_blocks(page_html(TEASER, CLOCK), "page").blocks
    evidence = learn(labelled(blocks, SiteFacts(), keep=False))
    story = path_key(blocks[0].element)  # type: ignore[arg-type]
    assert evidence.votes == {
        story: BODY_VOTE, item_path(blocks): CLUTTER_VOTE,
        line_key(TEASER): CLUTTER_VOTE, line_key(CLOCK): CLUTTER_VOTE,
    }  # fmt: skip
    assert learn(labelled(blocks, SiteFacts())).votes[item_path(blocks)] == BODY_VOTE
    assert evidence.fits is None


def test_body_text_outvotes_clutter_of_the_same_path() -> None:
    html = page_html(TEASER).replace(
        '<p class="p1">', f'<h1>Salt canal reopens</h1><p class="p1">{TEASER}</p><p class="p1">', 1
    )
    blocks = to_blocks(html, "page").blocks
    story = next(path_key(b.element) for b in blocks if b.text == SENTENCES[0] and b.element is not None)
    evidence = learn(labelled(blocks, SiteFacts(counts={story: BODY_VOTE}), keep=False))
    assert evidence.votes[story] == BODY_VOTE
    assert evidence.names[story].endswith("body > div.story > p")


def test_votes_of_article_are_bounded() -> None:
    lines = [f"{TEASER} {n:c}" for n in range(0x4E00, 0x4E00 + 500)]
    blocks = to_blocks("\n".join((*SENTENCES[:2], *lines, SENTENCES[2])), "text").blocks
    assert len(learn(labelled(blocks, SiteFacts(), keep=False)).votes) == MAX_VOTES


def test_evidence_never_confirms_itself() -> None:
    blocks = to_blocks(page_html(TEASER), "page").blocks
    labelling = labelled(blocks, make_facts(blocks, TEASER, CLUTTER))
    assert labelling.by_evidence
    assert learn(labelling).votes == {path_key(blocks[0].element): BODY_VOTE}  # type: ignore[arg-type]


def test_names_are_short_and_rare() -> None:
    line = "Ответ редакции на письма читателей и слушателей города"
    blocks = to_blocks(page_html(line), "page").blocks
    for count, named in ((0, False), (1, True), (2, False), (15, True)):
        facts = SiteFacts(counts={line_key(line): count * CLUTTER_VOTE})
        names = learn(labelled(blocks, facts, keep=False)).names
        assert (line_key(line) in names) == named
        assert all(0 < len(name.encode()) <= NAME_BYTES for name in names.values())


@pytest.mark.parametrize(("votes", "fits"), [(BODY, True), (CLUTTER, False), (0, False)])
def test_body_text_in_unknown_paths_does_not_fit(votes: int, fits: bool) -> None:
    blocks = to_blocks(page_html(TEASER), "page").blocks
    facts = SiteFacts(counts={path_key(blocks[0].element): votes}, articles=9)  # type: ignore[arg-type]
    assert learn(labelled(blocks, facts, keep=False)).fits is fits


def test_dump_fits_by_known_clutter() -> None:
    blocks = to_blocks("\n".join((*SENTENCES, TEASER)), "text").blocks
    known = SiteFacts(counts={line_key(TEASER): CLUTTER}, articles=9)
    assert learn(labelled(blocks, known, keep=False)).fits is True
    assert learn(labelled(blocks, SiteFacts(articles=9), keep=False)).fits is False


def test_evidence_creates_no_revision() -> None:
    """Stable lines, which the fingerprint reads, are those of a site without history."""
    document = to_blocks(page_html(TEASER, TEASER_SENTENCE), "page")
    facts = make_facts(document.blocks, TEASER_SENTENCE, CLUTTER, repeats=3)
    assert clean_blocks(document, facts).stable_lines == clean_blocks(document, SiteFacts()).stable_lines


def test_article_without_site_facts_learns_nothing() -> None:
    assert not clean(page_html(TEASER), "page").evidence.votes
    assert clean(page_html(TEASER), "page", facts=SiteFacts()).evidence.votes
    assert not clean(f"<p>{SENTENCES[0]}</p><p>{TEASER}</p>", "html", facts=SiteFacts()).evidence.votes
