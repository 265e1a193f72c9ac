"""Text with inline elements: that of XLIFF 1.2 and 2, and of TMX."""

import re
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from .xml import Element, XmlFile, escape_text

CODES = frozenset(("bpt", "ept", "it", "ph", "ut"))
"""Elements whose content is code of another format and no text."""

_STARTS = {"bpt": "bpt", "ept": "bpt", "bx": "bx", "ex": "bx"}
_STARTS |= {"sc": "sc", "ec": "sc", "sm": "sm", "em": "sm"}
"""Elements that stand for a start tag or an end tag, by the one that starts."""
_REFERENCES = ("i", "rid", "startRef", "id")
"""Attributes that the two have in common, the first that is there."""
_BREAKS = frozenset(("lb", "x-br", "xlf:lb"))
"""Values of `ctype`, `type` and `subType` of a code that breaks a line."""
_WRAP = re.compile(r"[ \t\r]*\n[ \t\r\n]*")


class InlineTag(NamedTuple):
    """A tag, and its place in a text without tags."""

    position: int
    """The character before which it stands."""
    element: Hashable
    """The element that it is a tag of: one tag if it is empty, otherwise two."""
    raw: str
    """The tag as it is written; for a code all of it, content too."""


class Content(NamedTuple):
    """What is in an element: text, and the tags in it."""

    text: str
    tags: Sequence[InlineTag] = ()
    """The tags, in order."""

    def write(self) -> str:
        """Write text and tags.

        RETURNS (str): XML.
        """
        parts, place = [], 0
        for tag in self.tags:
            parts += [escape_text(self.text[place : tag.position]), tag.raw]
            place = tag.position
        return "".join([*parts, escape_text(self.text[place:])])


def read_content(file: XmlFile, element: Element) -> Content:
    """Take text and tags of an element apart.

    A line break is a space, with the white space around it, unless `xml:space` says otherwise.
    So is a code that stands for a line break between words.

    file (XmlFile): The file.
    element (Element): The element.
    RETURNS (Content): Text and tags.
    """
    text, tags = "", []
    stack: list[Element | str | InlineTag] = [*element.children[::-1]]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            text += part if element.keeps_space else _WRAP.sub(" ", part)
        elif isinstance(part, InlineTag):
            tags.append(part._replace(position=len(text)))
        elif part.name in CODES or part.content_start == part.end:
            tags.append(InlineTag(len(text), _identify(part), file.raw(part.start, part.end)))
            if _is_break(part) and text and not text[-1].isspace():
                text += " "
        else:
            tags.append(InlineTag(len(text), part, file.start_tag(part)))
            stack += [InlineTag(0, part, file.raw(part.content_end, part.end))]
            stack += part.children[::-1]
    return Content(text, tags)


def _identify(element: Element) -> Hashable:
    """Return what an empty element and its other half have in common."""
    start = _STARTS.get(element.name)
    references = (element.attributes[name] for name in _REFERENCES if name in element.attributes)
    reference = next(references, None)
    return element if start is None or reference is None else (start, reference)


def _is_break(element: Element) -> bool:
    return not _BREAKS.isdisjoint(
        element.attributes.get(name) for name in ("ctype", "type", "subType")
    )
