"""Text with inline elements: that of XLIFF 1.2 and 2, and of TMX."""

import re
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
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
    protected: Collection[Hashable] = ()
    """The elements in which the text is not to be translated."""

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
    text, tags, protected = "", [], []
    halves: Counter[Hashable] = Counter()
    stack: list[Element | str | InlineTag] = [*element.children[::-1]]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            text += part if element.keeps_space else _WRAP.sub(" ", part)
        elif isinstance(part, InlineTag):
            tags.append(part._replace(position=len(text)))
        elif part.name in CODES or part.content_start == part.end:
            whole = _identify(part)
            halves[whole] += 1
            key = whole if halves[whole] <= 2 else part
            tags.append(InlineTag(len(text), key, file.raw(part.start, part.end)))
            if _is_break(part) and text and not text[-1].isspace():
                text += " "
        else:
            tags.append(InlineTag(len(text), part, file.start_tag(part)))
            if _is_protected(part):
                protected.append(part)
            stack += [InlineTag(0, part, file.raw(part.content_end, part.end))]
            stack += part.children[::-1]
    return Content(text, tags, protected)


def keep_protected(source: Content, translation: Content) -> Content:
    """Put text that is not to be translated back into a translation.

    source (Content): The source.
    translation (Content): Its translation, with the same tags.
    RETURNS (Content): The translation, with the text of the source in protected elements.
    """
    for element in source.protected:
        (first, start), (last, end) = _find_tags(source, element)
        (first_now, start_now), (last_now, end_now) = _find_tags(translation, element)
        kept = source.text[start:end]
        growth = len(kept) - (end_now - start_now)
        translation = Content(
            translation.text[:start_now] + kept + translation.text[end_now:],
            [
                *translation.tags[:first_now],
                *_shift(source.tags[first : last + 1], start_now - start),
                *_shift(translation.tags[last_now + 1 :], growth),
            ],
        )
    return translation


def _find_tags(content: Content, element: Hashable) -> list[tuple[int, int]]:
    """Find the tags of an element: their indices and positions."""
    return [(i, tag.position) for i, tag in enumerate(content.tags) if tag.element == element]


def _shift(tags: Sequence[InlineTag], characters: int) -> list[InlineTag]:
    return [tag._replace(position=tag.position + characters) for tag in tags]


def _identify(element: Element) -> Hashable:
    """Return what an empty element and its other half have in common."""
    start = _STARTS.get(element.name)
    references = (element.attributes[name] for name in _REFERENCES if name in element.attributes)
    reference = next(references, None)
    return element if start is None or reference is None else (start, reference)


def _is_protected(element: Element) -> bool:
    """Whether the text in an element is not to be translated."""
    return element.name == "mrk" and (
        element.attributes.get("translate") == "no"
        or element.attributes.get("mtype") == "protected"
    )


def _is_break(element: Element) -> bool:
    return not _BREAKS.isdisjoint(
        element.attributes.get(name) for name in ("ctype", "type", "subType")
    )
