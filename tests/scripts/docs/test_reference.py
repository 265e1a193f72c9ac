"""The generated reference is complete, or is not made at all."""

import inspect
from importlib.metadata import EntryPoint

import pytest

pytest.importorskip("griffe")
reference = pytest.importorskip("reference")

from spacy_rnn.nn.rnn.cells import CELLS  # noqa: E402


def documented(width: int, depth: int = 1):
    """Make something.

    width (int): The width. None for any.
    depth (int): The layers.
    """


def half_documented(width: int, depth: int = 1):
    """Make something.

    width (int): The width.
    """


def undocumented(width: int): ...


def bad_command(model: str = reference.ArgumentInfo(default=...)):
    """Do something."""


def register(monkeypatch, function):
    point = EntryPoint("spacy-rnn.Made.v1", f"made:{function.__name__}", "spacy_misc")
    monkeypatch.setattr(reference, "entry_points", lambda *_: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda _: function)


def test_settings_are_listed_with_default_and_meaning(monkeypatch):
    register(monkeypatch, documented)
    text = reference.registered("spacy_misc")
    assert "### `spacy-rnn.Made.v1` {#spacy-rnn.Made.v1}" in text
    assert "| `width` | *required* | The width. `null` for any. `int`{: .type } |" in text
    assert "| `depth` | `1` | The layers. `int`{: .type } |" in text


@pytest.mark.parametrize("function", [half_documented, undocumented])
def test_what_is_not_documented_is_refused(monkeypatch, function):
    register(monkeypatch, function)
    with pytest.raises(reference.UndocumentedError):
        reference.registered("spacy_misc")


def test_options_without_help_are_refused(monkeypatch):
    commands = [type("Command", (), {"name": "bad", "callback": staticmethod(bad_command)})]
    monkeypatch.setattr(reference.app, "registered_commands", commands)
    with pytest.raises(reference.UndocumentedError):
        reference.commands()


def test_a_pattern_that_names_nothing_is_refused():
    with pytest.raises(ValueError, match="no_such"):
        reference.entry_points("spacy_misc", ["*.no_such.*"])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("lstm", '`"lstm"`'),
        (None, "`null`"),
        (True, "`true`"),
        ({"@misc": "spacy-rnn.mean_pooling.v1", "x": 1}, "`spacy-rnn.mean_pooling.v1`"),
        (inspect.Parameter.empty, ""),
    ],
)
def test_defaults_are_written_as_in_configs(value, written):
    assert reference.format_default(value) == written


def test_all_cells_are_named():
    (point,) = reference.entry_points("spacy_misc", ["*.recurrent_network.*"])
    cell = reference.find_field(reference.documentation_of(point.load()), "cell")
    assert [name for name in CELLS if f'"{name}"' not in cell.text] == []
