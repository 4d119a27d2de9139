"""A site rule: XPath 1.0 expressions that select the body and the fields of an article, and remove the rest."""

from dataclasses import dataclass, replace

from lxml import etree

from streams.errors import SettingsError


@dataclass(frozen=True)
class Selector:
    """A compiled XPath expression with its source text, which may be a CSS selector."""

    text: str
    xpath: etree.XPath


@dataclass(frozen=True)
class SiteRule:
    """The rule of one site.

    Of `title`, `body`, `author` and `date`, the first selector that matches is used. All of `strip` are removed.
    `replacements` apply to the HTML before it is parsed. `ignored`: directives without effect here, with their lines.
    """

    name: str
    title: tuple[Selector, ...] = ()
    body: tuple[Selector, ...] = ()
    author: tuple[Selector, ...] = ()
    date: tuple[Selector, ...] = ()
    strip: tuple[Selector, ...] = ()
    replacements: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    for_feeds: bool = False  # `strip` also applies to the HTML of feed items

    def __add__(self, other: "SiteRule") -> "SiteRule":
        """Return this rule with the selectors of *other* after its own."""
        names = ("title", "body", "author", "date", "strip", "replacements", "ignored")
        merged = {name: getattr(self, name) + getattr(other, name) for name in names}
        return replace(self, **merged, for_feeds=self.for_feeds or other.for_feeds)


def compile_xpath(expression: str, place: str, text: str = "") -> Selector:
    """Return the selector of an XPath 1.0 *expression*.

    Raises:
        SettingsError: the expression is invalid; the message names *place*.
    """
    try:
        return Selector(text or expression, etree.XPath(expression, regexp=False, smart_strings=False))
    except etree.XPathError as exc:
        raise SettingsError(f"invalid site rule: {expression!r} ({place}; {exc}); correct the XPath") from exc


def compile_css(selector: str, place: str) -> Selector:
    """Return the selector of a CSS *selector*. Raises SettingsError."""
    from cssselect import HTMLTranslator, SelectorError  # for CSS rules only

    try:
        return compile_xpath(HTMLTranslator().css_to_xpath(selector), place, selector)
    except SelectorError as exc:
        raise SettingsError(f"invalid site rule: {selector!r} ({place}; {exc}); correct the CSS selector") from exc


def quote(text: str, place: str) -> str:
    """Return *text* as an XPath string. Raises SettingsError if it holds both quotes, which XPath 1.0 cannot."""
    if '"' not in text:
        return f'"{text}"'
    if "'" not in text:
        return f"'{text}'"
    raise SettingsError(f"invalid site rule: {text!r} ({place}; both quotes); use an XPath")
