"""Inline elements of a feed's HTML whose plain text differs from the page: they become text. Changes trees.

hidden elements, emoji and formula images, MathML, superscripts, quotations, ruby
"""

import re

from workers.clean.trees import Node, remove, replace_by_text, text_before, unwrap
from workers.text.normalise import EMOJI_TEXT

# Style declarations that hide an element. Sources: CSS Display 3, Outlook (mso-hide), preheaders of newsletters.
HIDDEN_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all)", re.IGNORECASE
)
_ZERO = r"\s*:\s*0(?:px|em|rem|pt|%)?\s*(?:!important\s*)?(?:;|$)"
NO_HEIGHT = re.compile(rf"(?:^|;)\s*max-height{_ZERO}", re.IGNORECASE)
OVERFLOW_HIDDEN = re.compile(r"(?:^|;)\s*overflow(?:-y)?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
# Size 0 hides the text of an element and of those inside that set no size. Newsletters use it around each section, to
# close the gaps between columns (MJML, mj-section).
NO_SIZE = re.compile(rf"(?:^|;)\s*font-size{_ZERO}", re.IGNORECASE)
OWN_SIZE = re.compile(
    r"(?:^|;)\s*font(?:-size)?\s*:[^;]{0,100}?(?:[1-9]\d?(?:\.\d{1,3})?(?:px|pt|pc|rem|cm|mm|in|v[wh])|medium|small|large)",
    re.IGNORECASE,
)
SIZED_TAGS = frozenset("img picture svg iframe video audio embed object amp-img".split())  # no font size hides them
# Class names of text for screen readers only. Sources: WordPress, Bootstrap, Foundation, Drupal, HTML5 Boilerplate.
SCREEN_READER_CLASSES = re.compile(
    r"(?:^|\s)(?:screen-reader-(?:text|only)|sr-only|visually-?hidden|show-for-sr|assistive-text|element-invisible)(?:$|\s)"
)
# Class names of images that stand for characters or formulas.
# Sources: WordPress, Discourse, Mastodon, MediaWiki, Jetpack.
CHARACTER_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:emojis?|emojione|twemoji|smil(?:ey|ie)s?|emoticons?|latex|tex|math)(?:$|[\s_-])", re.IGNORECASE
)
SUPERSCRIPTS = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
SUBSCRIPTS = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
EXPONENT = re.compile(r"[+\-−]?\d[\d+\-−=(),n\s]*|[+\-−]|n")
INDEX = re.compile(r"\A(?=[+\-−=()]*+\d)[\d+\-−=()]++")
HEADING_MARKS = frozenset(
    "# ¶ § ⚓ ⚓︎ 🔗 ∞ ☍ ↩ ↩︎".split()
)  # texts of links to the heading itself, or back from a footnote
NOTE_MARK = re.compile(r"\w{1,3}")
# Quotation marks of the element q: outer and inner pair. Source: CLDR 46, characters/delimiters.
QUOTES = {
    "": "“”‘’", "de": "„“‚‘", "fr": "«»«»", "es": "«»“”", "it": "«»“”", "pt": "“”‘’", "ru": "«»„“", "uk": "«»„“",
    "pl": "„”«»", "cs": "„“‚‘", "sk": "„“‚‘", "da": "“”‘’", "nb": "«»‘’", "no": "«»‘’", "sv": "””’’", "fi": "””’’",
    "nl": "‘’“”", "hu": "„”»«", "ja": "「」『』", "zh": "“”‘’", "el": "«»“”", "ro": "„”«»", "tr": "“”‘’", "fa": "«»‹›",
}  # fmt: skip
QUOTE_MARKS = frozenset("\"'“”„‟‘’‚«»‹›「」『』")
STYLE_WRAPPER = re.compile(r"\A\{\\(?:display|text|script)style (?P<formula>.*)\}\Z", re.DOTALL)


def remove_hidden(root: Node) -> None:
    """Remove hidden elements, unless all the text is hidden: then a script would have shown it."""
    hidden = {node for node in root.iter() if node.attributes and _is_hidden(node)}
    without_size = [node for node in root.iter() if NO_SIZE.search(node.get("style"))]
    if without_size:
        hidden |= set(without_size) - _around_sized(root)
    if not hidden:
        return
    outermost = [node for node in root.iter() if node in hidden and hidden.isdisjoint(node.ancestors())]
    visible = _word_count(root) - sum(map(_word_count, outermost))
    for node in outermost if visible > 0 else ():
        remove(node)


def _is_hidden(node: Node) -> bool:
    if node.attributes.get("hidden", "until-found") != "until-found":
        return True
    style, names = node.get("style"), node.get("class")
    if style and (HIDDEN_STYLE.search(style) or (NO_HEIGHT.search(style) and OVERFLOW_HIDDEN.search(style))):
        return True
    return bool(names) and SCREEN_READER_CLASSES.search(names) is not None


def _around_sized(root: Node) -> set[Node]:
    """Return the elements around one that sets a size of its own, or that is an image."""
    out = set[Node]()
    for node in root.iter():
        if node.tag in SIZED_TAGS or OWN_SIZE.search(node.get("style")) or (node.tag == "font" and node.get("size")):
            for outer in node.ancestors():
                if outer in out:
                    break
                out.add(outer)
    return out


def _word_count(node: Node) -> int:
    return len(node.all_text().split())


def inline_images(root: Node) -> None:
    """Replace images that stand for characters or formulas by their alternative text."""
    for image in list(root.iter("img")):
        alt = " ".join((image.get("alt") or image.get("title")).split())
        if alt and (EMOJI_TEXT.fullmatch(alt) or CHARACTER_CLASSES.search(image.get("class"))):
            replace_by_text(image, alt)


def inline_elements(root: Node) -> None:
    """Replace formulas, superscripts, subscripts, quotations and ruby readings by text."""
    for node in list(root.iter("math")):
        _inline_math(node)
    for node in list(root.iter("script")):
        if node.get("type").startswith("math/tex"):
            _inline_mathjax(node)
    for node in list(root.iter("sup", "sub")):
        _inline_script(node)
    for node in list(root.iter("a")):
        _inline_note_link(node)
    with_parentheses = {ruby for ruby in map(_ruby_of, root.iter("rp")) if ruby is not None}
    for node in list(root.iter("rt")):
        if _ruby_of(node) not in with_parentheses:
            _inline_reading(node)
    quotations = list(root.iter("q"))
    for node in quotations:
        _add_quotation_marks(node)
    for node in quotations:
        unwrap(node)


def _inline_math(node: Node) -> None:
    """Replace a formula by its alternative text, and remove the rendered copies beside it."""
    parent = node.parent
    container = parent if parent is not None and parent.tag == "span" and parent.first is parent.last else node
    following = container.next
    if following is not None and following.get("aria-hidden") == "true" and following.tag != "img":
        remove(following)
    replace_by_text(node, math_text(node))


def _inline_mathjax(node: Node) -> None:
    """Replace the source of a formula of MathJax by itself, and remove its preview and rendering."""
    while (rendered := node.previous) is not None and "MathJax" in rendered.get("class"):
        remove(rendered)
    replace_by_text(node, " ".join(node.text.split()))


def math_text(node: Node) -> str:
    """Return the alternative text of a <math> element: `alttext`, the TeX annotation, or its own text."""
    annotations = (a.text for a in node.iter("annotation") if "tex" in a.get("encoding").lower())
    text = node.get("alttext") or next(annotations, None) or _presentation_text(node)
    text = " ".join(text.split())
    wrapped = STYLE_WRAPPER.match(text)
    return wrapped["formula"].strip() if wrapped else text


def _presentation_text(node: Node) -> str:
    """Return the text of presentation MathML (MathML Core §3)."""
    if node.tag in ("annotation", "annotation-xml"):
        return ""
    parts = [_presentation_text(child) for child in node]
    if node.tag == "mfrac" and len(parts) == 2:
        return f"{_group(parts[0])}/{_group(parts[1])}"
    if node.tag == "msqrt":
        return f"√{_group(''.join(parts))}"
    if node.tag in ("msup", "msub") and len(parts) == 2:
        is_sup = node.tag == "msup"
        shifted = shift(parts[1], is_sup=is_sup)
        return parts[0] + (shifted or ("^" if is_sup else "_") + _group(parts[1]))
    return node.text.strip() + "".join(parts)


def _group(text: str) -> str:
    return text if text.isalnum() or len(text) < 2 else f"({text})"


def shift(text: str, *, is_sup: bool) -> str:
    """Return digits and signs as Unicode superscripts or subscripts; "" for any other text."""
    pattern, table = (EXPONENT, SUPERSCRIPTS) if is_sup else (INDEX, SUBSCRIPTS)
    return text.translate(table) if pattern.fullmatch(text) else ""


def _inline_script(node: Node) -> None:
    """Replace digits in <sup> and <sub> by Unicode superscripts and subscripts where they would join a word."""
    text, before = node.all_text().strip(), text_before(node)
    after = node.tail
    is_sup, joins = node.tag == "sup", bool(before) and not before[-1].isspace()
    shifted = shift(text, is_sup=is_sup)
    last = before[-1:]
    is_number = last.isdigit() or (not is_sup and joins and (last in "/⁄" or after[:1].isdigit()))
    if shifted and (is_number or (is_sup and text != "n")):
        replace_by_text(node, shifted)
    elif joins and is_sup and next(node.iter("a"), None) is not None and NOTE_MARK.fullmatch(text):
        replace_by_text(node, f"[{text}]")


def _inline_note_link(node: Node) -> None:
    """Replace a link to a footnote that directly follows a word. Remove a heading's link to itself."""
    if "#" not in node.get("href"):
        return
    text, before = node.all_text().strip(), text_before(node)
    if text in HEADING_MARKS:
        remove(node)
        return
    if text.isdecimal() and len(text) < 4 and before and not before[-1].isspace():
        replace_by_text(node, text.translate(SUPERSCRIPTS))


def _ruby_of(node: Node) -> Node | None:
    return next((outer for outer in node.ancestors() if outer.tag == "ruby"), None)


def _inline_reading(node: Node) -> None:
    """Put a ruby reading into parentheses."""
    text = node.all_text().strip()
    replace_by_text(node, f"({text})" if text else "")


def _add_quotation_marks(node: Node) -> None:
    """Add the quotation marks of the language around the text of a <q>, unless it has some."""
    text = node.all_text().strip()
    if not text or (text[0] in QUOTE_MARKS and all(child.tag != "q" for child in node)):
        return
    depth = sum(outer.tag == "q" for outer in node.ancestors())
    language = next((value for e in (node, *node.ancestors()) if (value := e.get("lang"))), "")
    marks = QUOTES.get(language.split("-")[0].lower(), QUOTES[""])
    opening, closing = (marks[2], marks[3]) if depth % 2 else (marks[0], marks[1])
    node.text = opening + node.text
    if node.last is not None:
        node.last.tail += closing
    else:
        node.text += closing
