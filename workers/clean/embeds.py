"""Embedded documents, videos and sounds of a feed's HTML, and the content of <noscript>. Changes trees.

Each of them becomes an <iframe> with its URL, so that one rule publishes all of them as links.
"""

import re

from workers.clean.html_parser import parse_html
from workers.clean.image_sources import IMAGE_URL, PLACEHOLDER, external_url, image_source
from workers.clean.trees import Node, insert_after, insert_before, remove, replace_by_elements, unwrap

VIDEO_PAGES = {
    # Elements that load a player by the id of its video: element → attribute, start of the URL. Sources: the packages
    # lite-youtube-embed and lite-vimeo-embed, and the components of AMP (amp.dev).
    "lite-youtube": ("videoid", "https://www.youtube.com/watch?v="),
    "amp-youtube": ("data-videoid", "https://www.youtube.com/watch?v="),
    "lite-vimeo": ("videoid", "https://vimeo.com/"),
    "amp-vimeo": ("data-videoid", "https://vimeo.com/"),
    "amp-dailymotion": ("data-videoid", "https://www.dailymotion.com/video/"),
    "amp-instagram": ("data-shortcode", "https://www.instagram.com/p/"),
    "amp-twitter": ("data-tweetid", "https://twitter.com/i/status/"),
    "amp-facebook": ("data-href", ""),
}
# Attributes of a quotation that a script replaces by a post. Sources: the embed codes of Instagram, TikTok and Threads.
POST_ATTRIBUTES = ("data-instgrm-permalink", "data-text-post-permalink", "cite")
POST_CLASS = re.compile(r"(?:^|[\s_-])(?:media|embed|post)(?:$|[\s_-])")
VIDEO_ID = re.compile(r"\A(?:https?://)?[\w./-]{1,200}\Z")
EMBEDS = ("iframe", "embed", "video", "audio", "object", "amp-iframe", "amp-video", "amp-audio", *VIDEO_PAGES)
URL_ATTRIBUTES = ("src", "data")  # `data` of <object>
FLASH_PARAMETERS = ("movie", "src", "filename", "url")
LAZY_NAME = re.compile(r"src|url|original|lazy|embed")
URL = re.compile(r"\A(?:https?:)?//[^/\s]\S*\Z|\A/[^/\s]\S*\Z", re.IGNORECASE)
TINY = frozenset(("0", "1", "0px", "1px"))


def link_embeds(root: Node) -> None:
    """Replace each embed by an <iframe> with its URL. An embed without a URL loses its tags only."""
    for node in list(root.iter(*EMBEDS)):
        if any(parent.tag in EMBEDS for parent in node.ancestors()):
            continue
        url = embed_url(node)
        if _is_tiny(node) or (not url and node.tag != "object"):
            remove(node)
        elif not url:
            unwrap(node)
        else:
            insert_before(node, Node("iframe", {"src": url}))
            remove(node)


def embed_url(node: Node) -> str:
    """Return the URL of an embed as written: its own, its lazy-loaded one, or that of an inner element."""
    if node.tag in VIDEO_PAGES:
        attribute, start = VIDEO_PAGES[node.tag]
        identifier = (node.get(attribute) or "").strip()
        return start + identifier if VIDEO_ID.match(identifier) else ""
    own = next(filter(None, (external_url(node.get(name)) for name in URL_ATTRIBUTES)), "")
    if own:
        return own
    lazy = (value for name, value in node.attributes.items() if name.startswith("data-") and LAZY_NAME.search(name))
    inner = (
        value
        for child in node.iter("source", "embed", "param")
        for name, value in child.attributes.items()
        if name in ("src", "data-src") or (child.tag == "param" and name == "value" and _is_flash_url(child))
    )
    for value in (*lazy, *inner):
        url = external_url(value)
        if URL.match(url) and not IMAGE_URL.match(url):
            return url
    return ""


def link_posts(root: Node) -> None:
    """Add the missing link to each quotation that a script would replace by a post of a social network."""
    for node in list(root.iter("blockquote")):
        urls = (external_url(node.get(name)) for name in POST_ATTRIBUTES)
        url = next(filter(URL.match, urls), "") if POST_CLASS.search(node.get("class")) else ""
        if url:
            insert_after(node, Node("iframe", {"src": url.partition("?")[0]}))


def _is_flash_url(parameter: Node) -> bool:
    return parameter.get("name").lower() in FLASH_PARAMETERS


def _is_tiny(node: Node) -> bool:
    return node.get("width") in TINY and node.get("height") in TINY


def show_noscript(root: Node) -> None:
    """Replace each <noscript> by its images and embeds, unless the element before it shows them already."""
    for node in list(root.iter("noscript")):
        if node.first is None and "<" in node.text:  # escaped content
            node.append(parse_html(node.text))
        shown = [element for element in node.iter("img", *EMBEDS) if not _is_tiny(element)] or _script_page(node)
        before = _element_before(node)
        if before is not None and before.tag == "img" and shown:
            source = image_source(before)
            if not source or PLACEHOLDER.search(source):
                remove(before)
            elif before is node.previous or source in map(image_source, shown):
                shown = []
        elif before is not None and embed_url(before):
            shown = []
        replace_by_elements(node, shown)


def _script_page(node: Node) -> list[Node]:
    """Return an embed with the link of a <noscript> directly after a script from a URL, such as a poll or code."""
    script = node.previous
    links = [link for link in node.iter("a") if URL.match(external_url(link.get("href")))]
    if script is None or script.tag != "script" or not script.get("src") or len(links) != 1:
        return []
    return [Node("iframe", {"src": external_url(links[0].get("href"))})]


def _element_before(node: Node) -> Node | None:
    """Return the image or embed directly before *node*, possibly in another element; None without one."""
    previous, parent = node.previous, node.parent
    if previous is None:
        previous = parent.previous if parent is not None and not parent.text.strip() else None
    if previous is None or previous.tail.strip():
        return None
    elements = [previous] if previous.tag in ("img", *EMBEDS) else list(previous.iter("img", *EMBEDS))
    return elements[-1] if elements else None
