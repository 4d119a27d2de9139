"""Foreign markup of a feed for feedparser's parsers: RFC 4287 §6.3 lets readers ignore it as a whole.

A container is an element without a handler, in a namespace that feedparser does not know and the feed does not use.
feedparser reads its children as fields of the entry or channel, for example the link of `activity:object`.
"""

from typing import Any

from workers.poller.formats.expat_namespaces import HOME_KEYS, STANDARD_PREFIXES, is_unknown_uri


class ForeignMixin:
    """Ignores the content of foreign containers. A container of the channel may have items, which are read.

    `foreign_tag`: the open container; `foreign_nested`: open elements of its name inside it.
    """

    foreign_tag = ""
    foreign_nested = 0
    foreign_in_entry = False

    def unknown_starttag(self: Any, tag: str, attrs: Any) -> None:
        if self._is_skipped(is_entry=self._is_entry(tag)):
            self.foreign_nested += tag == self.foreign_tag
            return
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]
        if not self.foreign_tag and not self.incontent and (self.infeed or self.inentry):
            self._open_container(tag)

    def _open_container(self: Any, tag: str) -> None:
        if self._is_foreign(tag) and not hasattr(self, f"_start_{self._handler_key(tag)}"):
            self.foreign_tag, self.foreign_nested, self.foreign_in_entry = tag, 0, bool(self.inentry)

    def _handler_key(self: Any, tag: str) -> str:
        prefix, _, local = tag.rpartition(":")
        prefix = self.namespacemap.get(prefix, prefix)
        return f"{prefix}_{local}" if prefix else local

    def _is_entry(self: Any, tag: str) -> bool:
        return self._handler_key(tag) in ("item", "entry")

    def _is_skipped(self: Any, *, is_entry: bool = False) -> bool:
        """Return whether the parser is inside a container, and not inside an item of it."""
        return bool(self.foreign_tag) and (self.foreign_in_entry or not (self.inentry or is_entry))

    def unknown_endtag(self: Any, tag: str) -> None:
        if self._is_skipped():
            if tag != self.foreign_tag:
                return
            if self.foreign_nested:
                self.foreign_nested -= 1
                return
            self.foreign_tag = ""
        super().unknown_endtag(tag)  # type: ignore[misc]


class StrictForeignMixin(ForeignMixin):
    """For the strict parser, which knows the namespace of each element."""

    element_uri = ""
    home_uris: frozenset[str] = frozenset()  # namespaces of the feed, its channel and its items

    def startElementNS(self: Any, name: tuple[str | None, str], qname: str, attrs: Any) -> None:
        self.element_uri = name[0] or ""
        super().startElementNS(name, qname, attrs)  # type: ignore[misc]

    def unknown_starttag(self: Any, tag: str, attrs: Any) -> None:
        if tag in HOME_KEYS:
            self.home_uris = self.home_uris | {self.element_uri}
        super().unknown_starttag(tag, attrs)

    def _is_foreign(self: Any, tag: str) -> bool:
        return is_unknown_uri(self.element_uri) and self.element_uri not in self.home_uris


class LooseForeignMixin(ForeignMixin):
    """For the loose parser, which only knows prefixes. A container ends with its entry: end tags may be missing."""

    def unknown_starttag(self: Any, tag: str, attrs: Any) -> None:
        self._leave_with_entry(tag)
        super().unknown_starttag(tag, attrs)

    def unknown_endtag(self: Any, tag: str) -> None:
        self._leave_with_entry(tag)
        super().unknown_endtag(tag)

    def _leave_with_entry(self: Any, tag: str) -> None:
        if self.foreign_in_entry and self._is_entry(tag):
            self.foreign_tag = ""

    def _is_foreign(self: Any, tag: str) -> bool:
        prefix = tag.rpartition(":")[0]
        return bool(prefix) and self.namespacemap.get(prefix, prefix) not in STANDARD_PREFIXES
