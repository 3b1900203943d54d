"""A page as a test reads it: its elements in order, with their attributes and their text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "wbr", "hr"}


@dataclass
class Element:
    """One element; ``text`` is that of everything in it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of ``source``. Raises AssertionError when one is closed that was not open."""

    source: str
    elements: list[Element] = field(default_factory=list[Element])
    _open: list[Element] = field(default_factory=list[Element])

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of this kind that have these attributes."""
        wanted = attributes.items()
        return [found for found in self.elements if found.tag == tag and wanted <= found.attributes.items()]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only one of this kind."""
        [found] = self.all(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        """What stands in the body, with single spaces."""
        return " ".join(self.one("body").text.split())
