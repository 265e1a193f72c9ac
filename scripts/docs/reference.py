"""The generated parts of the reference: registered functions, components, commands, metrics.

Each function returns Markdown. What is registered but not documented is an error, so that the
reference is complete.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, distribution
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import spacy
import torch
from confection import Config
from docstrings import Docstring, Field, read_docstring
from spacy.language import Language
from typer.models import ArgumentInfo, OptionInfo

from spacy_rnn import types
from spacy_rnn.cli.app import app
from spacy_rnn.metrics.registry import METRICS, find_metric
from spacy_rnn.training.readers.registry import READERS

FACTORY_ARGUMENTS = ("nlp", "name")
SPACY_SCORER = "https://spacy.io/api/scorer#score"
TYPES = set(re.findall(r"^(\w+) = ", inspect.getsource(types), re.MULTILINE))
"""set[str]: The names that the package gives to types of models."""
OTHER_SCORES = {
    "_acc": "The share of tokens with the right label.",
    "_signature": "The signature of sacreBLEU that says how the score was computed.",
}
"""dict[str, str]: What scores mean that are none of `METRICS`, by the end of their names."""


class UndocumentedError(ValueError):
    """Something public has no documentation."""


def entry_points(group: str, patterns: Iterable[str] = ("*",)) -> list[EntryPoint]:
    """Return what the package registers.

    group (str): The group of entry points, such as "spacy_architectures".
    patterns (Iterable[str]): Patterns of their names, such as "*_attention.*".
    RETURNS (list[EntryPoint]): The entry points, pattern by pattern, each by name.
    RAISES (ValueError): If nothing is registered by a pattern.
    """
    points = [each for each in distribution("spacy-rnn").entry_points if each.group == group]
    found = {pattern: [p for p in points if fnmatchcase(p.name, pattern)] for pattern in patterns}
    for pattern, matching in found.items():
        if not matching:
            raise ValueError(f"Nothing is registered in {group} as {pattern}")
    return list(dict.fromkeys(point for pattern in patterns for point in found[pattern]))


def names() -> list[str]:
    """Return the names of all that is registered: functions, components, commands.

    RETURNS (list[str]): The names.
    """
    points = distribution("spacy-rnn").entry_points
    functions = [point.name for point in points if point.group != "spacy_cli"]
    return functions + [each.name for each in app.registered_commands]


def registered(group: str, *patterns: str) -> str:
    """Describe registered functions: what each makes, and its settings.

    group (str): The group of entry points.
    patterns (str): Patterns of their names. None for all.
    RETURNS (str): A section for each.
    """
    return "\n\n".join(map(_describe_registered, entry_points(group, patterns or ("*",))))


def _describe_registered(point: EntryPoint) -> str:
    made = point.load()
    docs = documentation_of(made)
    registry = point.group.split("_", 1)[1]
    block = f'```ini\n@{registry} = "{point.name}"\n```'
    rows = [
        (parameter.name, format_default(parameter.default), find_field(docs, parameter.name))
        for parameter in settings_of(made)
    ]
    # What makes a part of a network is of no use outside of it.
    returns = [] if registry == "misc" else docs.returns
    parts = [
        f"### `{point.name}` {{#{point.name}}}",
        block,
        docs.description,
        _settings(rows),
        *(f"**Returns** {_type(each.type)}: {each.text}" for each in returns),
        *(f"**Raises** {_type(each.type)}: {each.text}" for each in docs.raises),
        _source(point),
    ]
    return "\n\n".join(filter(None, parts))


def settings_of(made: Callable) -> list[inspect.Parameter]:
    """Return the settings of a registered function or class.

    made (Callable): The function or class.
    RETURNS (list[inspect.Parameter]): Its settings.
    """
    return list(inspect.signature(made).parameters.values())


def documentation_of(made: Callable) -> Docstring:
    """Return the documentation of a function or class, with the parameters of its bases.

    made (Callable): The function or class.
    RETURNS (Docstring): The documentation.
    RAISES (UndocumentedError): If there is none.
    """
    docs = read_docstring(made.__doc__)
    if not docs.description:
        raise UndocumentedError(f"{made.__module__}.{made.__qualname__} has no docstring")
    if inspect.isclass(made):
        for base in made.__mro__[1:]:
            docs.parameters += read_docstring(vars(base).get("__doc__")).parameters
    return docs


def find_field(docs: Docstring, name: str) -> Field:
    """Return the description of a parameter.

    docs (Docstring): The documentation of the function.
    name (str): The name of the parameter.
    RETURNS (Field): Its line.
    RAISES (UndocumentedError): If there is none.
    """
    for each in docs.parameters:
        if each.name == name:
            return each
    raise UndocumentedError(f'"{name}" is not documented in: {docs.description}')


def format_default(value: Any) -> str:
    """Write a default as it is written in a config.

    value (Any): The default, or that of `inspect` for none.
    RETURNS (str): A code span; for a block of settings, the name of the function it is of; empty
        where there is no default.
    """
    if value is inspect.Parameter.empty:
        return ""
    if isinstance(value, dict):
        (name,) = (value[key] for key in value if key.startswith("@"))
        return f"`{name}`"
    return f"`{json.dumps(value)}`"


def _settings(rows: list[tuple[str, str, Field]]) -> str:
    if not rows:
        return "It has no settings."
    return _table(
        ("setting", "default", "meaning"),
        [
            (f"`{name}`", default or "*required*", f"{_as_config(each.text)} {_type(each.type)}")
            for name, default, each in rows
        ],
    )


def _as_config(text: str) -> str:
    """Write values as configs do, not as Python does."""
    return re.sub(r"\bNone\b", "`null`", text)


def _type(text: str) -> str:
    code = f"`{text}`{{: .type }}"
    name = text.removesuffix(" | None")
    return f"[{code}][spacy_rnn.types.{name}]" if name in TYPES else code


def _source(point: EntryPoint) -> str:
    path = point.module.replace(".", "/") + ".py"
    return f"[`{path}`](../../{path}){{: .source }}"


def component(name: str) -> str:
    """Describe a component: settings, attributes, scores, methods.

    name (str): The name of its factory.
    RETURNS (str): Its section.
    """
    (point,) = entry_points("spacy_factories", [name])
    docs = documentation_of(point.load())
    meta = Language.get_factory_meta(name)
    settings = [each for each in settings_of(point.load()) if each.name not in FACTORY_ARGUMENTS]
    rows = [
        (
            each.name,
            format_default(meta.default_config.get(each.name, each.empty)),
            find_field(docs, each.name),
        )
        for each in settings
    ]
    torch.set_num_threads(1)  # The networks are small. Several threads wait for each other.
    made = type(spacy.blank("en").create_pipe(name))
    about = documentation_of(made)
    summary = about.description.split("\n\n")[0]
    config = Config({"components": {name: {"factory": name, **meta.default_config}}}).to_str()
    return f"""## `{name}` {{#{name}}}

{summary}

```python
nlp.add_pipe("{name}")
```

### Settings of `{name}` {{#settings-of-{name}}}

{_settings(rows)}

??? note "The default config of `{name}`"

    ```ini
{_indent(config)}
    ```

### Attributes of `{name}` {{#attributes-of-{name}}}

{_attributes(about, meta.assigns)}

### Scores of `{name}` {{#scores-of-{name}}}

{_scores(meta.default_score_weights)}

### Methods of `{name}` {{#methods-of-{name}}}

{_methods(made)}
"""


def _methods(made: type) -> str:
    """List the methods that a class documents, and not those that it has from others."""
    names = [
        name
        for name, member in vars(made).items()
        if getattr(member, "__doc__", None) and (not name.startswith("_") or name == "__call__")
        if callable(member) or isinstance(member, property)
    ]
    path = f"{made.__module__}.{made.__qualname__}"
    options = "options: {heading_level: 4}"
    return "\n\n".join(f"::: {path}.{name}\n    {options}" for name in names)


def _attributes(about: Docstring, assigned: Iterable[str]) -> str:
    """List what a component writes and reads, as the docstring of its class describes it."""
    for name in assigned:
        find_field(about, name)
    fields = [each for each in about.parameters if "." in each.name]
    rows = [(f"`{each.name}`", f"{each.text} {_type(each.type)}") for each in fields]
    return _table(("attribute", "meaning"), rows)


def _scores(weights: dict[str, float | None]) -> str:
    groups: dict[tuple[str, str], list[str]] = {}
    for name, weight in weights.items():
        groups.setdefault((_meaning_of_score(name), format_default(weight)), []).append(name)
    return _table(
        ("score", "weight", "meaning"),
        [(_code(*names), weight, meaning) for (meaning, weight), names in groups.items()],
    )


def _meaning_of_score(name: str) -> str:
    metric = find_metric(name)
    if metric:
        return metric.meaning
    if not name.startswith("rnn_"):
        return f"[spaCy's score]({SPACY_SCORER}) of this name."
    for end, meaning in OTHER_SCORES.items():
        if name.endswith(end):
            return meaning
    raise UndocumentedError(f"No one says what the score {name} means")


def metrics() -> str:
    """List all metrics.

    RETURNS (str): A table.
    """
    return _table(
        ("key", "name", "better", "meaning"),
        [(f"`{each.key}`", each.label, each.better, each.meaning) for each in METRICS.values()],
    )


def formats() -> str:
    """List the formats of corpora.

    RETURNS (str): A table.
    """
    return _table(
        ("format", "suffix", "contents"),
        [(_code(each.name), _code(*each.suffixes), each.contents) for each in READERS.values()],
    )


def commands() -> str:
    """Describe all commands: arguments, options, defaults.

    RETURNS (str): A section for each.
    """
    return "\n\n".join(
        _describe_command(each.name, each.callback) for each in app.registered_commands
    )


def _describe_command(name: str, command: Callable) -> str:
    parameters = settings_of(command)
    arguments = [each for each in parameters if isinstance(each.default, ArgumentInfo)]
    options = [each for each in parameters if isinstance(each.default, OptionInfo)]
    usage = " ".join([name, "[OPTIONS]" if options else "", *map(_metavar, arguments)])
    return "\n\n".join(
        [
            f"## `{name}` {{#{name}}}",
            f"```console\n$ python -m spacy rnn {usage}\n```",
            read_docstring(command.__doc__).description,
            _options("argument", name, [(_code(_metavar(each)), each) for each in arguments]),
            _options("option", name, [(_code(*_flags(each)), each) for each in options]),
        ]
    )


def _metavar(parameter: inspect.Parameter) -> str:
    return parameter.default.metavar or parameter.name.upper()


def _flags(parameter: inspect.Parameter) -> Iterable[str]:
    """Return the spellings of an option, the long ones first."""
    flags = (flag for each in parameter.default.param_decls for flag in each.split("/"))
    return sorted(flags, key=lambda flag: not flag.startswith("--"))


def _code(*texts: str) -> str:
    return " ".join(f"`{text}`" for text in texts)


def _options(kind: str, command: str, parameters: list[tuple[str, inspect.Parameter]]) -> str:
    rows = []
    for name, parameter in parameters:
        info = parameter.default
        if not info.help:
            raise UndocumentedError(f'"{parameter.name}" of the command {command} has no help')
        meaning = f"{info.help}. {_type_of_option(parameter)}"
        rows.append((name, _default_of_option(info), meaning))
    return _table((kind, "default", "meaning"), rows) if rows else ""


def _default_of_option(info: Any) -> str:
    if info.default is ...:
        return "*required*"
    if isinstance(info.default, bool):
        return "on" if info.default else "off"
    return "" if info.default is None else _code(str(info.default))


def _type_of_option(parameter: inspect.Parameter) -> str:
    kind = parameter.annotation
    if isinstance(kind, UnionType):
        (kind,) = {*get_args(kind)} - {NoneType}
    if kind is bool:
        return ""
    if get_origin(kind) is list:
        return _type(f"{get_args(kind)[0].__name__}, repeated")
    return _type(kind.__name__)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (heads, ("---",) * len(heads), *rows)]
    return "\n".join(lines)


def _indent(text: str) -> str:
    return re.sub(r"^(?=.)", "    ", text.strip(), flags=re.MULTILINE)
