"""Docstrings in spaCy's form, as data, and as sections of Griffe's for mkdocstrings.

The form is a description, then `name (type): text` for each parameter, `RETURNS (type): text`,
`YIELDS (type): text` and `RAISES (type): text`, continued on lines that are indented.
"""

import inspect
import re
from dataclasses import dataclass, field
from importlib.metadata import distribution
from typing import Any

import griffe

FIELD = re.compile(
    r"^(?P<name>[\w.]+(?:, [\w.]+)*) \((?P<type>[^()]+)\): +(?P<text>.*(?:\n +.*)*)$", re.MULTILINE
)
CODE = re.compile(r"(?<![\[`])`([^`\n]+)`(?![`\]{])")
REGISTERED = {
    point.name
    for point in distribution("spacy-rnn").entry_points
    if point.group not in ("spacy_cli", "spacy_factories")
}
KINDS = {"RETURNS": "returns", "YIELDS": "yields", "RAISES": "raises"}
VARIADIC = (griffe.ParameterKind.var_positional, griffe.ParameterKind.var_keyword)
PREFIX = re.compile(r"^[\w\[\], .|]+: ")


@dataclass
class Field:
    """A line of a docstring, such as that of a parameter."""

    name: str
    type: str
    text: str


@dataclass
class Docstring:
    """A docstring in parts."""

    description: str
    parameters: list[Field] = field(default_factory=list)
    returns: list[Field] = field(default_factory=list)
    yields: list[Field] = field(default_factory=list)
    raises: list[Field] = field(default_factory=list)


def read_docstring(text: str | None) -> Docstring:
    """Take a docstring apart.

    text (str | None): The docstring.
    RETURNS (Docstring): Its description and its fields. Of a field for several parameters each
        has one of its own.
    """
    text = inspect.cleandoc(text or "")
    parts = Docstring(re.sub(r"\n{3,}", "\n\n", FIELD.sub("", text)).strip())
    for match in FIELD.finditer(text):
        content = re.sub(r"\s*\n\s*", " ", match["text"])
        for name in match["name"].split(", "):
            kind = KINDS.get(name, "parameters")
            getattr(parts, kind).append(Field(name, match["type"], content))
    return parts


def link_names(text: str) -> str:
    """Make links to the reference of the names of registered functions.

    text (str): Markdown.
    RETURNS (str): The same with a link at each name in a code span that is in no link yet.
    """

    def link(code: re.Match) -> str:
        return f"[{code[0]}][{code[1]}]" if code[1] in REGISTERED else code[0]

    return CODE.sub(link, text)


class SpacyDocstrings(griffe.Extension):
    """Let Griffe read docstrings in spaCy's form."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Parse all docstrings, once all parameters are known."""
        _parse_all(pkg)


def _parse_all(owner: griffe.Object) -> None:
    if owner.docstring:
        owner.docstring.parsed = parse(owner.docstring)
    for member in owner.members.values():
        if not member.is_alias:
            _parse_all(member)


def parse(docstring: griffe.Docstring) -> list[griffe.DocstringSection]:
    """Parse a docstring into sections.

    docstring (griffe.Docstring): The docstring.
    RETURNS (list[griffe.DocstringSection]): The sections.
    """
    parent = docstring.parent
    assert parent is not None
    parts = read_docstring(link_names(docstring.value))
    description = parts.description
    if parent.is_attribute:  # "int: The number of labels." The type is in the signature.
        description = PREFIX.sub("", description)
    sections: list[griffe.DocstringSection] = [griffe.DocstringSectionText(description)]

    def annotate(each: Field) -> Any:
        return griffe.parse_docstring_annotation(each.type, docstring)

    signature = getattr(parent, "parameters", griffe.Parameters())
    parameters = [
        griffe.DocstringParameter(
            each.name,
            annotation=annotate(each),
            description=each.text,
            value=None if signature[each.name].kind in VARIADIC else signature[each.name].default,
        )
        for each in parts.parameters
        if each.name in signature
    ]
    attributes = [
        griffe.DocstringAttribute(each.name, annotation=annotate(each), description=each.text)
        for each in parts.parameters
        if each.name not in signature
    ]
    if parameters:
        sections.append(griffe.DocstringSectionParameters(parameters))
    if attributes:
        sections.append(griffe.DocstringSectionAttributes(attributes))
    for kind, section, element in (
        ("returns", griffe.DocstringSectionReturns, griffe.DocstringReturn),
        ("yields", griffe.DocstringSectionYields, griffe.DocstringYield),
    ):
        if fields := getattr(parts, kind):
            sections.append(
                section([element("", annotation=annotate(e), description=e.text) for e in fields])
            )
    if parts.raises:
        sections.append(
            griffe.DocstringSectionRaises(
                [
                    griffe.DocstringRaise(annotation=annotate(each), description=each.text)
                    for each in parts.raises
                ]
            )
        )
    return sections
