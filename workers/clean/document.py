"""Input of the cleaner: its type, and its blocks. Pure."""

import re
from typing import NamedTuple

from streams.records import RemovedBlock
from workers.clean.blocks import MAX_BLOCKS, Block, html_blocks, text_blocks
from workers.clean.element_paths import path_keys
from workers.clean.feed_html import simplify_feed_html
from workers.clean.html_parser import MAX_HTML_CHARS, parse_html, plain_tree
from workers.clean.line_patterns import pattern_key
from workers.clean.metadata import Metadata, extract_metadata
from workers.clean.site_facts import line_key
from workers.clean.site_rules.rule import SiteRule
from workers.clean.trees import Node
from workers.text.normalise import plain_text
from workers.urls.web_url import web_url

HTML_TAG = re.compile(
    r"<(?:!doctype|html|head|body|p|div|a|br|img|span|ul|ol|table|b|i|strong|em|h[1-6]|figure)\b", re.IGNORECASE
)
PAGE_TAG = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
SNIFFED_CHARS = 65_536


def detect_input_type(data: str) -> str:
    """Return the input type of *data*: `page`, `html` or `text`."""
    if PAGE_TAG.search(data[:4096]):
        return "page"
    tag = HTML_TAG.search(data, 0, SNIFFED_CHARS)
    return "html" if tag and data.find(">", tag.end(), SNIFFED_CHARS) >= 0 else "text"


class BlockDocument(NamedTuple):
    """An article in blocks, before cleaning."""

    input_type: str
    blocks: list[Block]
    title: str = ""
    url: str = ""
    metadata: Metadata | None = None
    truncated: tuple[RemovedBlock, ...] = ()  # parts removed before cleaning: beyond a limit, or by a site rule
    is_by_rule: bool = False  # a site rule selected the body

    @property
    def line_keys(self) -> set[bytes]:
        """The keys of its lines, and of the element paths of a page, for a lookup of `SiteFacts`."""
        lines = {key for block in self.blocks if (key := line_key(block.text))}
        if self.input_type == "html":
            return lines
        lines |= {key for block in self.blocks if not block.is_sentence and (key := pattern_key(block.text))}
        return lines | path_keys(self.blocks) if self.input_type == "page" else lines


def to_blocks(
    data: str, input_type: str = "auto", *, title: str = "", url: str = "", rule: SiteRule | None = None
) -> BlockDocument:
    """Return *data* in blocks. *rule*: the site's explicit rule. The other arguments are those of `clean`."""
    input_type = detect_input_type(data) if input_type == "auto" else input_type
    if rule is not None and (input_type == "page" or (input_type == "html" and rule.for_feeds)):
        return _by_rule(data, input_type, title, url, rule)
    if input_type == "text":
        blocks = text_blocks(data[:MAX_HTML_CHARS])
        return BlockDocument(input_type, blocks, plain_text(title), truncated=_truncation(data, len(blocks)))
    if input_type == "html" and (tree := plain_tree(data)) is not None:
        blocks = html_blocks(tree)
        return BlockDocument(input_type, blocks, plain_text(title), url, None, _truncation(data, len(blocks)))
    root = parse_html(data, page=input_type == "page")
    if input_type == "html":
        simplify_feed_html(root, data)
    metadata = extract_metadata(root, url) if input_type == "page" else None
    if "<base" in data:
        url = _base_url(root, url)
    blocks = html_blocks(root)
    title = plain_text(title) or (metadata.title if metadata else "")
    return BlockDocument(input_type, blocks, title, url, metadata, _truncation(data, len(blocks)))


def _by_rule(data: str, input_type: str, title: str, url: str, rule: SiteRule) -> BlockDocument:
    """Return the blocks that a site rule leaves. If it selects the body, all other blocks of the page go.

    The selected body is treated as a feed's item. The rule's author chose its lines, so the model does not score them.
    """
    from workers.clean.site_rules.application import apply_rule, replace_strings  # lxml costs 8 MB, for few sites

    data = replace_strings(data, rule)
    root = parse_html(data, page=input_type == "page")
    metadata = extract_metadata(root, url) if input_type == "page" else None
    url = _base_url(root, url) if "<base" in data else url
    result = apply_rule(root, rule)
    if metadata is not None:
        metadata = metadata.with_fields(title=result.title, byline=result.byline, published=result.published)
    if input_type == "html":
        simplify_feed_html(root, data)
    elif result.body is not None:
        input_type, root = "html", result.body
    blocks = html_blocks(root)
    title = result.title or plain_text(title) or (metadata.title if metadata else "")
    removed = (*_truncation(data, len(blocks)), *result.removed)
    return BlockDocument(input_type, blocks, title, url, metadata, removed, result.body is not None)


def _base_url(root: Node, url: str) -> str:
    """Return the URL of the first <base> with one, resolved against *url* (WHATWG HTML §4.2.3); *url* without one."""
    href = next((base.get("href") for base in root.iter("base") if base.get("href")), "")
    return (web_url(href, url) or url) if href else url


def _truncation(data: str, blocks: int) -> tuple[RemovedBlock, ...]:
    """Return the audit entry of a document that exceeds a limit."""
    if len(data) > MAX_HTML_CHARS:
        return (RemovedBlock("cut", "", f"only the first {MAX_HTML_CHARS:,} of {len(data):,} characters were read"),)
    return (RemovedBlock("cut", "", f"only the first {MAX_BLOCKS:,} blocks were read"),) if blocks >= MAX_BLOCKS else ()
