"""XML that knows where in the file each of its tags is, so that all else stays as it is.

The parser is expat, of Python's standard library. It fetches nothing; entities are refused.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from .edits import Edit, apply_edits

XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"

_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_START_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""\s+([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
_LONGEST_DECLARATION = 1000
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


@dataclass(eq=False, slots=True)
class Element:
    """An element of a file.

    name (str): Its name, without the prefix of a namespace.
    namespace (str): Its namespace, or "".
    attributes (dict[str, str]): Its attributes: those of namespaces as "{namespace}name".
    keeps_space (bool): Whether white space counts (`xml:space`, its own or that around it).
    line (int): The line of its start tag, from 1.
    start (int): The first byte of the start tag.
    content_start (int): The byte after the start tag.
    content_end (int): The first byte of the end tag.
    end (int): The byte after the end tag; an empty element may have none.
    children (list[Element | str]): Elements and text within.
    """

    name: str
    namespace: str
    attributes: dict[str, str]
    keeps_space: bool
    line: int
    start: int
    content_start: int
    content_end: int = 0
    end: int = 0
    children: list["Element | str"] = field(default_factory=list)

    def elements(self, name: str) -> Iterator["Element"]:
        """Find children of a name, in the namespace of this element.

        name (str): The name.
        YIELDS (Element): A child.
        """
        for child in self.children:
            if (
                isinstance(child, Element)
                and child.name == name
                and child.namespace == self.namespace
            ):
                yield child

    def element(self, name: str) -> "Element | None":
        """Find the first child of a name, in the namespace of this element.

        name (str): The name.
        RETURNS (Element | None): The child, if there is one.
        """
        return next(self.elements(name), None)

    @property
    def has_content(self) -> bool:
        """bool: Whether there is text or an element in it."""
        return any(not isinstance(child, str) or child.strip() for child in self.children)

    @property
    def lang(self) -> str | None:
        """str | None: The value of `xml:lang`."""
        return self.attributes.get(f"{{{XML_NAMESPACE}}}lang")


class XmlFile:
    """An XML file, in UTF-8 whatever its encoding is.

    data (bytes): The file.
    name (str): What it is called in errors.
    RAISES (ValueError): If it is no well-formed XML, or declares entities.
    """

    def __init__(self, data: bytes, name: str):
        self.name = name
        self.mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
        self.encoding = _MARKS[self.mark] if self.mark else _find_encoding(data)
        try:
            text = data.removeprefix(self.mark).decode(self.encoding)
        except (LookupError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{name} cannot be read as {self.encoding}: {error}. Correct the encoding in its "
                f"first line, or convert the file"
            ) from error
        self.data = text.encode("utf8")
        self.root = _Parser(self.data, name).parse()

    def raw(self, start: int, end: int) -> str:
        """Return a part of the file as it is.

        start (int): Its first byte.
        end (int): The byte after it.
        RETURNS (str): The part.
        """
        return self.data[start:end].decode("utf8")

    def start_tag(self, element: Element) -> str:
        """Return the start tag of an element as it is.

        element (Element): The element.
        RETURNS (str): The tag.
        """
        return self.raw(element.start, element.content_start)

    def indentation(self, element: Element) -> str:
        """Return the white space before an element.

        element (Element): The element.
        RETURNS (str): The white space, from the tag or text before it.
        """
        start = element.start
        while self.data[start - 1] in b" \t\r\n":
            start -= 1
        return self.raw(start, element.start)

    def write(self, edits: Iterable[Edit]) -> bytes:
        """Write the file with other parts in place of some.

        edits (Iterable[Edit]): The parts, none of which overlap.
        RETURNS (bytes): The file in its own encoding.
        """
        text = apply_edits(self.data, edits)
        return self.mark + text.encode(self.encoding, "xmlcharrefreplace")


def set_attributes(tag: str, **attributes: str) -> str:
    """Set attributes of a start tag; all else stays as it is written.

    tag (str): The tag.
    attributes (str): Names and values. An underscore stands for a hyphen.
    RETURNS (str): The tag with them.
    """
    for name, value in attributes.items():
        name = name.replace("_", "-")
        written = f"{name}={quoteattr(value)}"
        for match in _ATTRIBUTE.finditer(tag):
            if match[1] == name:
                tag = f"{tag[: match.start(1)]}{written}{tag[match.end() :]}"
                break
        else:
            end = re.search(r"\s*/?>$", tag)
            assert end is not None
            tag = f"{tag[: end.start()]} {written}{tag[end.start() :]}"
    return tag


def attributes_of_content(tag: str) -> str:
    """Return the attributes in a start tag that say how its content is read.

    tag (str): The tag.
    RETURNS (str): The declarations of namespaces and `xml:space`, as they are, with the space
        before each.
    """
    return "".join(
        match[0]
        for match in _ATTRIBUTE.finditer(tag)
        if match[1] in ("xmlns", "xml:space") or match[1].startswith("xmlns:")
    )


def escape_text(text: str) -> str:
    """Write text as XML.

    text (str): The text. Characters that XML has no way to write are left out.
    RETURNS (str): The text, escaped.
    """
    return escape(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text))


def _find_encoding(data: bytes) -> str:
    """Find the encoding that the first line of a file declares."""
    match = _DECLARED.match(data[:_LONGEST_DECLARATION])
    return match[1].decode("ascii") if match else "utf-8"


class _Parser:
    """Builds the elements of one file."""

    def __init__(self, data: bytes, name: str):
        self.data = data
        self.name = name
        self.root: Element | None = None
        self.open: list[Element] = []
        self.parser = parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        parser.EntityDeclHandler = self._refuse_entity
        parser.SkippedEntityHandler = self._refuse_entity

    def parse(self) -> Element:
        """Parse the file.

        RETURNS (Element): Its root.
        RAISES (ValueError): If it is no well-formed XML, or declares entities.
        """
        try:
            self.parser.Parse(self.data, True)
        except expat.ExpatError as error:
            message = expat.ErrorString(error.code)
            raise ValueError(
                f"{self.name}, line {error.lineno}: no well-formed XML ({message}). Correct it"
            ) from error
        assert self.root is not None
        return self.root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        start = self.parser.CurrentByteIndex
        tag = _START_TAG.match(self.data, start)
        assert tag is not None
        attributes = {_in_braces(key): value for key, value in attributes.items()}
        space = attributes.get(f"{{{XML_NAMESPACE}}}space")
        element = Element(
            local,
            namespace,
            attributes,
            self.open[-1].keeps_space if space is None and self.open else space == "preserve",
            self.parser.CurrentLineNumber,
            start,
            tag.end(),
        )
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _end(self, name: str) -> None:
        element = self.open.pop()
        element.content_end = self.parser.CurrentByteIndex
        is_empty = self.data[element.content_start - 2 : element.content_start] == b"/>"
        element.end = (
            element.content_start if is_empty else self.data.index(b">", element.content_end) + 1
        )

    def _add_text(self, text: str) -> None:
        self.open[-1].children.append(text)

    def _refuse_entity(self, name: str, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise ValueError(
            f"{self.name}, line {line}: the entity {name!r}, which is not XML's own. Write the "
            f"character in its place"
        )


def _in_braces(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"{{{namespace}}}{local}" if namespace else local
