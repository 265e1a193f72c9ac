"""What all versions of XLIFF have in common."""

from collections.abc import Collection, Iterator, Sequence
from typing import ClassVar

from .base import TranslationFile
from .edits import Edit
from .inline import Content, read_content
from .xml import Element, XmlFile, attributes_of_content, set_attributes


class XliffFile(TranslationFile):
    """A file of XLIFF.

    file (XmlFile): The file.
    """

    unit: ClassVar[str]
    """The name of the element of a unit."""
    groups: ClassVar[Collection[str]]
    """The names of elements with units in them, below that of a file."""
    untranslated: ClassVar[Collection[str]]
    """States of targets that may be copies of their sources."""
    approved: ClassVar[Collection[str]]
    """States of translations that a person has approved."""

    def __init__(self, file: XmlFile):
        self.file = file

    def write(self, edits: Sequence[Edit]) -> bytes:
        return self.file.write(edits)

    def read(self, element: Element) -> Content:
        """Read a source or target.

        element (Element): The element.
        RETURNS (Content): Its text and tags.
        """
        return read_content(self.file, element)

    def find_units(self, file: Element) -> Iterator[tuple[Element, bool]]:
        """Find the units of a file.

        file (Element): The file.
        YIELDS (tuple[Element, bool]): A unit, and whether it is to be translated: `translate`, its
            own or that of the closest element around it.
        """
        stack = [(file, True)]
        while stack:
            element, is_translated = stack.pop()
            is_translated = {"yes": True, "no": False}.get(
                element.attributes.get("translate", ""), is_translated
            )
            if element.name == self.unit:
                yield element, is_translated
                continue
            stack += [
                (child, is_translated)
                for child in element.children[::-1]
                if isinstance(child, Element) and child.name in (self.unit, *self.groups)
            ]

    def reason_to_keep(
        self,
        source: Element,
        target: Element | None,
        state: str | None,
        is_approved: bool,
        overwrite: bool,
    ) -> str:
        """Find out why a target is to stay as it is.

        source (Element): The source.
        target (Element | None): The target, if there is one.
        state (str | None): The state of the translation.
        is_approved (bool): Whether the unit is approved.
        overwrite (bool): Whether to write over translations that are not.
        RETURNS (str): What the unit has or lacks; nothing if it is to be translated.
        """
        is_translated = target is not None and target.has_content
        if target is not None and state in self.untranslated:
            is_translated &= self.read(source).text.strip() != self.read(target).text.strip()
        if is_approved or (is_translated and state in self.approved):
            return "with an approved translation"
        if is_translated and not overwrite:
            return "with a translation"
        return "" if source.has_content else "without text"

    def write_target(
        self,
        source: Element,
        target: Element | None,
        last: Element,
        content: str,
        **attributes: str,
    ) -> Edit:
        """Fill a target, or add one.

        source (Element): The source, whose declarations and white space a new target gets.
        target (Element | None): The target, if there is one.
        last (Element): The element that a new target comes after.
        content (str): The content of the target, as XML.
        attributes (str): Attributes to set, and their values.
        RETURNS (Edit): The change.
        """
        tag = self.file.start_tag(source if target is None else target)
        name = tag[1:].split(None, 1)[0].rstrip("/>")
        if target is None:
            declared = attributes_of_content(tag)
            name = name.removesuffix("source") + "target"
            tag = set_attributes(f"<{name}{declared}>", **attributes)
            text = f"{self.file.indentation(last)}{tag}{content}</{name}>"
            return Edit(last.end, last.end, text)
        tag = set_attributes(tag, **attributes)
        if tag.endswith("/>"):
            tag = f"{tag[:-2].rstrip()}>"
        return Edit(target.start, target.end, f"{tag}{content}</{name}>")
