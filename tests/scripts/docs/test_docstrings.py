"""Docstrings in spaCy's form, as mkdocstrings gets them."""

import pytest

griffe = pytest.importorskip("griffe")
docstrings = pytest.importorskip("docstrings")

MODULE = '''
from dataclasses import dataclass


def search(text: str, width: int = 5, *, start: int = 0, end: int | None = None) -> str:
    """Search in a text.

    It is slow.

    text (str): The text.
    width (int): The width,
        on two lines.
    start, end (int | None): Where to search.
    RETURNS (str): What was found.
    YIELDS (int): A position.
    RAISES (ValueError): If there is nothing.
    """


@dataclass
class Box:
    """A box by `spacy-rnn.Adam.v1`.

    width (int): Its width.
    area (float): Follows from the width.
    """

    width: int = 3

    @property
    def height(self) -> int:
        """int: The height."""
'''


@pytest.fixture
def module():
    extensions = griffe.load_extensions("dataclasses", docstrings.SpacyDocstrings)
    with griffe.temporary_pypackage("made", {"__init__.py": MODULE}) as package:
        loader = griffe.GriffeLoader(search_paths=[package.tmpdir], extensions=extensions)
        return loader.load("made")


def sections(member):
    return {section.kind.value: section.value for section in member.docstring.parsed}


def test_fields_become_sections(module):
    parts = sections(module["search"])
    assert parts["text"] == "Search in a text.\n\nIt is slow."
    assert [
        (each.name, str(each.annotation), each.description, each.value)
        for each in parts["parameters"]
    ] == [
        ("text", "str", "The text.", None),
        ("width", "int", "The width, on two lines.", "5"),
        ("start", "int | None", "Where to search.", "0"),
        ("end", "int | None", "Where to search.", "None"),
    ]
    for kind, name, description in (
        ("returns", "str", "What was found."),
        ("yields", "int", "A position."),
        ("raises", "ValueError", "If there is nothing."),
    ):
        (each,) = parts[kind]
        assert (str(each.annotation), each.description) == (name, description)


def test_classes_have_parameters_and_attributes(module):
    parts = sections(module["Box"])
    assert [each.name for each in parts["parameters"]] == ["width"]
    assert parts["parameters"][0].value == "3"
    assert [each.name for each in parts["attributes"]] == ["area"]


def test_types_of_properties_are_not_said_twice(module):
    assert sections(module["Box.height"])["text"] == "The height."


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("by `spacy-rnn.Adam.v1`.", "by [`spacy-rnn.Adam.v1`][spacy-rnn.Adam.v1]."),
        ("by [`spacy-rnn.Adam.v1`](x.md)", "by [`spacy-rnn.Adam.v1`](x.md)"),
        ("by `spacy-rnn.Thing.v1` or `Adam`", "by `spacy-rnn.Thing.v1` or `Adam`"),
    ],
)
def test_names_of_registered_functions_become_links(text, linked):
    assert docstrings.link_names(text) == linked
