"""Targets of XLIFF, beside their sources."""

from .edits import Edit
from .xml import Element, XmlFile, attributes_of_content, set_attributes


def has_content(element: Element | None) -> bool:
    """Whether there is text or a tag in an element.

    element (Element | None): The element, if there is one.
    RETURNS (bool): Whether there is.
    """
    children = [] if element is None else element.children
    return any(not isinstance(child, str) or child.strip() for child in children)


def write_target(
    file: XmlFile,
    source: Element,
    target: Element | None,
    last: Element,
    content: str,
    **attributes: str,
) -> Edit:
    """Fill a target, or add one.

    file (XmlFile): The file.
    source (Element): The source, whose declarations and white space a new target gets.
    target (Element | None): The target, if there is one.
    last (Element): The element that a new target comes after.
    content (str): The content of the target, as XML.
    attributes (str): Attributes to set, and their values.
    RETURNS (Edit): The change.
    """
    tag = file.start_tag(source if target is None else target)
    name = tag[1:].split(None, 1)[0].rstrip("/>")
    if target is None:
        declared = attributes_of_content(tag)
        name = name.removesuffix("source") + "target"
        tag = set_attributes(f"<{name}{declared}>", **attributes)
        text = f"{file.indentation(last)}{tag}{content}</{name}>"
        return Edit(last.end, last.end, text)
    tag = set_attributes(tag, **attributes)
    if tag.endswith("/>"):
        tag = f"{tag[:-2].rstrip()}>"
    return Edit(target.start, target.end, f"{tag}{content}</{name}>")
