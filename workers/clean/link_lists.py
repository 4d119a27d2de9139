"""Lines above lists of links: labels of other articles, and headings of the item's own lists. Pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from workers.clean.blocks import ITEM_TAGS, Block
from workers.clean.labelling import Labelling
from workers.clean.line_types import is_headline, is_link_label
from workers.clean.rules.labels import SPONSOR_LABELS
from workers.text.normalise import match_key

MAX_LABEL_WORDS = 6
LABEL_WORDS = (2, 3)  # of a label within a line; one word may begin any line
LIKELY = 0.5
LIKELY_OF_SITE = 0.975  # of links to the item's own site below a label in any language
COLONS = (":", "：")
BOLD_TAGS = frozenset(("b", "strong"))
MIN_READING_ITEMS = 2  # of a list of links to other sites


def heads_links(labelling: Labelling, n: int) -> bool:
    """Return whether a short line is above two blocks of links only.

    It ends in a colon, is bold in a feed's item, or has the words of a label above links to the item's site.
    """
    block, following = labelling.blocks[n], labelling.blocks[n + 1 : n + 3]
    if len(following) < 2 or not all(block.is_all_links for block in following):
        return False
    if block.words > MAX_LABEL_WORDS:
        return False
    # The model is unsure of short items. A blog's own list of links leads to other sites.
    of_site = not labelling.has_surroundings and all(leads_to_site(labelling, block) for block in following)
    is_bold_label = not labelling.has_surroundings and not block.links and is_bold(block)
    if (of_site or is_bold_label) and _has_label(block.text):
        return True
    if not block.text.endswith(COLONS) and not is_bold_label:
        return False
    return all_unlikely(labelling, n + 1, n + 3, LIKELY_OF_SITE if of_site else LIKELY)


def _has_label(text: str) -> bool:
    """Return whether a line begins or ends with a label above links, such as "More posts of this quarter"."""
    words = text.split()
    return any(is_link_label(" ".join(part)) for n in LABEL_WORDS for part in (words[:n], words[-n:]))


def leads_to_site(labelling: Labelling, block: Block) -> bool:
    host = urlsplit(labelling.url).netloc
    return bool(host) and all(is_headline(block.text) and other == host for other in _hosts(block, host))


def _hosts(block: Block, item_host: str) -> list[str]:
    """Return the hosts of a block's links; *item_host* for a relative link."""
    return [link.partition("//")[2].partition("/")[0] if "//" in link[:8] else item_host for link, _ in block.links]


def heads_reading_list(labelling: Labelling, n: int) -> bool:
    """Return whether block *n* of a feed's item is above a list whose links all lead to other sites.

    Newsletters have such lists. Links to the publisher's own articles would lead to the item's host. Lists of
    advertisers have a label of sponsors.
    """
    if n not in labelling.reading_lists:  # computed once for all items of the list
        labelling.reading_lists[n] = _heads_reading_list(labelling, n)
    return labelling.reading_lists[n]


def _heads_reading_list(labelling: Labelling, n: int) -> bool:
    host = site_of(urlsplit(labelling.url).netloc)
    text = labelling.blocks[n].text
    if (
        labelling.has_surroundings
        or not host
        or is_link_label(text)
        or _has_label(text)
        or match_key(text) in SPONSOR_LABELS
    ):
        return False
    items = list_below(labelling.blocks, n)
    hosts = [site_of(other) for block in items for other in _hosts(block, "")]
    return len(items) >= MIN_READING_ITEMS and all(block.links for block in items) and not {host, ""} & set(hosts)


def site_of(host: str) -> str:
    """Return a host without `www`."""
    return host.lower().removeprefix("www.")


def list_below(blocks: Sequence[Block], n: int) -> Sequence[Block]:
    """Return the items of a list directly below block *n*."""
    end = n + 1
    while end < len(blocks) and blocks[end].tag in ITEM_TAGS:
        end += 1
    return blocks[n + 1 : end]


def is_bold(block: Block) -> bool:
    """Return whether all text of a block is bold."""
    depth, has_text = 0, False
    for token in block.tokens:
        if not isinstance(token, str):
            depth += (token[0] in BOLD_TAGS) - (token[0].removeprefix("/") in BOLD_TAGS and token[0].startswith("/"))
        elif not token.isspace():
            if not depth:
                return False
            has_text = True
    return has_text


def all_unlikely(labelling: Labelling, start: int, end: int, likely: float = LIKELY) -> bool:
    """Return whether the model considers none of the blocks body text; it does so for a blog's own list of links."""
    return all(prediction.probability < likely for prediction in labelling.predictions[start:end])


def is_likely(labelling: Labelling, n: int, likely: float = LIKELY) -> bool:
    """Return whether the model overrules a rule because it considers block *n* body text; False if it read no block."""
    if not labelling.is_scored or labelling.predictions[n].probability < likely:
        return False
    labelling.overruled.add(n)
    return True
