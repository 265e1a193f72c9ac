"""What ruff cannot see of docstrings: those of methods that override others, and settings."""

import inspect
import pkgutil
import re
from importlib import import_module

import pytest

import spacy_rnn

MODULES = [module.name for module in pkgutil.walk_packages(spacy_rnn.__path__, "spacy_rnn.")]
each_module = pytest.mark.parametrize("module", MODULES)


def find_classes(module):
    """Yield the public classes that a module defines."""
    for name, value in vars(import_module(module)).items():
        if inspect.isclass(value) and value.__module__ == module and not name.startswith("_"):
            yield value


def find_functions(module):
    """Yield all functions and methods that a module defines."""
    for value in vars(import_module(module)).values():
        if inspect.isfunction(value) and value.__module__ == module:
            yield value
        elif inspect.isclass(value) and value.__module__ == module:
            yield from filter(inspect.isfunction, vars(value).values())


def is_documented(member):
    """Whether a member of a class is to have a docstring."""
    return inspect.isfunction(member) or inspect.ismethod(member) or isinstance(member, property)


@each_module
def test_public_methods_are_documented_there_or_where_they_come_from(module):
    missing = [
        f"{owner.__name__}.{name}"
        for owner in find_classes(module)
        for name, member in inspect.getmembers(owner, is_documented)
        if name in vars(owner) and not name.startswith("_") and not inspect.getdoc(member)
    ]
    assert missing == []


@each_module
def test_documented_parameters_exist(module):
    """Names in docstrings follow those in signatures when these change."""
    unknown = {}
    for function in find_functions(module):
        text = inspect.cleandoc(function.__doc__ or "")
        documented = re.findall(r"^(\w+(?:, \w+)*) \(", text, re.MULTILINE)
        names = {name for line in documented for name in line.split(", ")}
        names -= {*inspect.signature(function).parameters, "RETURNS", "YIELDS", "RAISES"}
        if names:
            unknown[function.__qualname__] = names
    assert unknown == {}
