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


def documented_names(text):
    """Return the parameters that a docstring documents, each or by a name in running text."""
    lines = re.findall(r"^(\w+(?:, \w+)*) \(", inspect.cleandoc(text or ""), re.MULTILINE)
    shared = re.findall(r"(?<=`)\w+(?=` are)", text or "")
    return {*shared, *(name for line in lines for name in line.split(", "))}


@each_module
def test_all_parameters_are_documented(module):
    """In the function, in the class, or where the method comes from. Options have their help."""
    missing = {}
    for function in find_functions(module):
        path = function.__qualname__.split(".")
        if any(name.startswith("_") for name in path) or not function.__doc__:
            continue
        names = {*inspect.signature(function).parameters} - {"self", "cls"}
        texts = [function.__doc__]
        if len(path) > 1:
            owner = getattr(import_module(module), path[0])
            texts += [owner.__doc__]
            texts += [
                vars(base)[path[1]].__doc__ for base in owner.__mro__ if path[1] in vars(base)
            ]
        is_command = module.startswith("spacy_rnn.cli") and path[-1].endswith("_cli")
        if is_command or "arguments are those of" in function.__doc__:
            continue
        if names := names.difference(*map(documented_names, texts)):
            missing[function.__qualname__] = names
    assert missing == {}
