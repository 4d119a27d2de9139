"""Views of the page over the filled newsroom of `newsroom.py`: their paths, and the sizes of windows."""

from tests.support.newsroom import FAILING, FEED, REVISED, STORY, WITHDRAWN
from workers.poller.registry import feed_id

DETAIL = f"feeds/{feed_id(FEED).hex()}"
FAILING_DETAIL = f"feeds/{feed_id(FAILING).hex()}"
# Path of each view, and a condition that holds once it is drawn.
VIEWS = {
    "": "document.querySelectorAll('#articles .removed, #articles .text').length",
    f"articles/{STORY}": "document.querySelectorAll('.members tbody tr').length === 2",
    f"articles/{REVISED}": "document.querySelector('.revisions ins')",
    f"articles/{WITHDRAWN}": "document.querySelector('.notice.bad')",
    f"stories/{STORY}": "document.querySelector('.sides .removed') && document.querySelector('.changes ins')",
    "feeds": "document.querySelectorAll('#feeds tr').length === 3",
    DETAIL: "document.querySelectorAll('.polls tbody tr').length",
    FAILING_DETAIL: "document.querySelectorAll('.polls tbody tr').length",
    "dead-letters": "document.querySelectorAll('#letters > li').length === 3",
    "status": "document.querySelectorAll('.charts svg').length === 4",
}
# Width in CSS pixels, and whether the theme is dark.
SIZES = {"light": (1280, False), "phone dark": (390, True), "dark": (1280, True), "phone light": (390, False)}
