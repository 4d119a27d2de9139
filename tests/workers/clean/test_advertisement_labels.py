"""Labels of advertisements in many languages: a line that consists of one is never story, however short its neighbours."""

import pytest

from workers.clean.cleaner import clean
from workers.clean.line_types import is_notice

LABELS = (
    "Publicité", "PUBLICITÉ", "Anzeige", "Publicidad", "Publicidade", "Pubblicità", "Advertentie", "Annons",
    "Annonse", "Mainos", "Reklama", "Inzerce", "Hirdetés", "Publicitate", "Sponzorirano", "Reklam", "Iklan", "Quảng cáo",
    "Tangazo", "TANGAZO", "Διαφήμιση", "ΔΙΑΦΗΜΙΣΗ", "Реклама", "На правах рекламы", "إعلان", "آگهی", "פרסומת", "विज्ञापन",
    "বিজ্ঞাপন", "விளம்பரம்", "โฆษณา", "광고", "広告", "广告", "Advertisement", "Sponsored content",
)  # fmt: skip
STORY = (
    "Engineers closed the Harlow viaduct on Monday after a crack was found in its third pier.",
    "Trains will use the coastal line until the autumn, the operator said on Monday.",
    "Repairs are expected to cost 4 million crowns and to take until the spring.",
    "“We heard a noise like a door closing,” said Ida Marrow, who lives below the viaduct.",
    "The operator had inspected the pier in March and found no damage.",
    "Buses replace the trains between Harlow and Saltby.",
)


@pytest.mark.parametrize("label", LABELS)
def test_advertisement_label_is_a_notice(label: str) -> None:
    """Each label is a notice, in capitals too."""
    assert is_notice(label)


@pytest.mark.parametrize("label", LABELS)
def test_advertisement_label_in_dump_goes(label: str) -> None:
    """The label between two lines of a story goes, all lines of the story stay."""
    lines = ("Viaduct shut after crack is found", "By Jo Hay", STORY[0], STORY[1], label, *STORY[2:])
    assert clean("\n".join(lines), "text").paragraphs == STORY


@pytest.mark.parametrize(
    "line", ["Anzeige gegen den Bürgermeister", "Реклама запрещена", "Werbung für den Ort", "Oglas"]
)
def test_line_with_more_words_is_no_notice(line: str) -> None:
    """A line with other words beside the label can be a subheading."""
    assert not is_notice(line)
