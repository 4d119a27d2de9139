"""The demo's stories: told without repeating themselves, for what a site repeats is taken for clutter."""

from collections import Counter

from workers.demo.stories import story


def test_no_outlet_says_a_thing_often() -> None:
    said = Counter((one.outlet.slug, paragraph) for one in map(story, range(600)) for paragraph in one.paragraphs)
    assert max(said.values()) <= 3
    assert story(7) == story(7)
    assert story(7, revision=2).title != story(7).title or story(7, revision=2).paragraphs != story(7).paragraphs
