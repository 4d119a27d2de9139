"""Examples of the rules in workers/clean/rules: a line that is removed, and a similar line that stays.

A new rule needs an example here, of invented text.
"""

import pytest

from workers.clean.cleaner import clean

STORY = "The ferry Lanthe sank at noon, two miles from the old salt harbour."
EXAMPLES = (
    ("Get our newsletter in your inbox every morning.", "The minister got a newsletter from the harbour board."),
    ("Follow us on Instagram for more pictures.", "Police follow the harbour gang on Instagram, they say."),
    ("The post Ferry sinks appeared first on The Lanthe Courier.", "The post appeared on the harbour wall at noon."),
    ("Continue reading →", "They will continue reading aloud, the teacher told the class."),
)


@pytest.mark.parametrize("removed", [removed for removed, _ in EXAMPLES])
def test_rule_removes_line(removed: str) -> None:
    content = clean(f"<p>{STORY}</p><p>{removed}</p>", "html", title="Ferry sinks")
    assert content.paragraphs == (STORY,)
    assert content.removed[-1].reason


@pytest.mark.parametrize("similar", [similar for _, similar in EXAMPLES])
def test_rule_keeps_similar_line(similar: str) -> None:
    content = clean(f"<p>{STORY}</p><p>{similar}</p>", "html", title="Ferry sinks")
    assert content.paragraphs == (STORY, similar)
