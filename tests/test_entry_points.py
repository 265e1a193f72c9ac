"""What the package registers is there, and costs nothing to name."""

import inspect
from importlib.metadata import distribution

import pytest

POINTS = list(distribution("spacy-rnn").entry_points)
HEAVY = ("torch", "datasets", "sacrebleu", "sentencepiece", "pyarrow")


def test_there_are_entry_points():
    assert {point.group for point in POINTS} >= {"spacy_architectures", "spacy_factories"}


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_entry_point_names_something(point):
    assert callable(point.load())


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_types_of_settings_are_no_strings(point):
    """The oldest spaCy that is supported cannot check settings of such types."""
    parameters = inspect.signature(point.load()).parameters.values()
    assert [each.name for each in parameters if isinstance(each.annotation, str)] == []


def test_loading_them_all_imports_nothing_heavy(run_python):
    modules = sorted({point.module for point in POINTS})
    code = (
        f"import sys; from importlib import import_module; import spacy.cli; "
        f"before = set(sys.modules); [import_module(name) for name in {modules}]; "
        f"print(*[name for name in {HEAVY} if name in set(sys.modules) - before])"
    )
    assert run_python("-c", code).strip() == ""


def test_factories_import_components_when_they_make_them(run_python):
    """Every blank pipeline loads all factories."""
    code = (
        "import sys; import spacy; spacy.blank('en'); "
        "assert 'spacy_rnn.pipeline.translator.factory' in sys.modules; "
        "components = ('lm', 'ner', 'tagger', 'textcat', 'translator'); "
        "modules = [f'spacy_rnn.pipeline.{name}.component' for name in components]; "
        "print(*[name for name in modules if name in sys.modules])"
    )
    assert run_python("-c", code).strip() == ""
