"""What pages show of configs is valid, and what they list of settings is complete.

For authors: an `ini` block is a part of a config, with as many of its sections as matter.
Components are made, and functions called, with the settings that are given, though others are
missing. A table below a heading "Settings of `name`" with the columns setting, default and meaning
lists each setting of a factory or a registered function, and its default as JSON, if it has one.
"""

import inspect
import json
import re
import shutil
import tomllib
from contextlib import contextmanager

import pytest
import spacy
import srsly
from confection import Config, ConfigValidationError
from pages import ROOT, find_blocks, find_pages, read_page, write_files
from scratch_project import Project
from spacy import registry
from spacy.language import Language
from spacy.util import load_model_from_config
from thinc.api import Model

from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.training.readers.registry import READERS

TEXTS = {page: read_page(page) for page in find_pages()}
PAGES = {page: find_blocks(text, page) for page, text in TEXTS.items()}
BLOCKS = [block for blocks in PAGES.values() for block in blocks]
TABLES = [
    (page, match[1], match[2])
    for page, text in TEXTS.items()
    for match in re.finditer(
        r"^#+ Settings of `(.+)`.*\n((?:(?!#).*\n)*)", text + "\n", re.MULTILINE
    )
]


def of_language(*languages: str):
    return pytest.mark.parametrize(
        "block",
        [block for block in BLOCKS if block.language in languages],
        ids=lambda each: each.at,
    )


def read_config(text: str) -> Config:
    """Read a part of a config: the sections above those in it are empty."""
    lines, known = [], set()
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(.+)\]", line.strip()):
            names = header[1].split(".")
            for depth in range(1, len(names)):
                if (above := ".".join(names[:depth])) not in known:
                    lines.append(f"[{above}]")
                    known.add(above)
            known.add(header[1])
        lines.append(line)
    return Config().from_str("\n".join(lines), interpolate=False)


def leave_out_variables(section):
    """Drop what is set elsewhere in a config."""
    if not isinstance(section, dict):
        return section
    return {
        name: leave_out_variables(value)
        for name, value in section.items()
        if not (isinstance(value, str) and "${" in value)
    }


@contextmanager
def missing_settings_allowed():
    try:
        yield
    except ConfigValidationError as error:
        if any("missing required" not in each["msg"] for each in error.errors):
            raise


def check_section(section: dict, *above: str) -> None:
    """Make all that a section of a config describes."""
    made = None
    factory = section.get("factory", above[-1]) if above[:-1] == ("components",) else ""
    if any(name.startswith("@") for name in section):
        with missing_settings_allowed():
            made = registry.resolve({"it": section})["it"]
    elif "source" in section and above[:-1] == ("components",):
        assert section.keys() <= {"source", "component", "replace_listeners"}
        return
    elif "factory" in section or factory.startswith("rnn_"):
        settings = {name: value for name, value in section.items() if name != "factory"}
        with missing_settings_allowed():
            spacy.blank("en").create_pipe(factory, config=settings)
        return
    if isinstance(made, Model) and above[-2:] in (("model", "encode"), ("model", "embed")):
        made.initialize()
        assert made.get_dim("nO") == sum(find_widths(section))
    if made is None:
        for name, value in section.items():
            if isinstance(value, dict):
                check_section(value, *above, name)


def find_widths(section: dict):
    """Find the widths of embeddings, whose features come one beside the other."""
    for name, value in section.items():
        if name == "width":
            yield value
        elif isinstance(value, dict):
            yield from find_widths(value)


@of_language("ini")
def test_configs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(PAGES[block.page], tmp_path)
    if "assets/" in block.text:
        shutil.copytree(ROOT / "assets", tmp_path / "assets")
    Project(tmp_path).stand_in(block.text)
    config = read_config(block.text)
    default = spacy.blank("en").config
    for name in ("nlp", "training", "initialize"):
        assert config.get(name, {}).keys() <= default[name].keys()
    if config.get("nlp", {}).get("pipeline"):
        load_model_from_config(config, auto_fill=True)
    check_section(leave_out_variables(config))


@of_language("json", "jsonl", "toml", "yaml")
def test_data(block):
    if block.language == "toml":
        assert tomllib.loads(block.text)
    elif block.language == "yaml":
        assert srsly.yaml_loads(block.text)
    elif block.language == "json":
        json.loads(block.text)
    else:
        assert all(map(json.loads, block.text.splitlines()))


def find_defaults(name: str) -> dict:
    """Find the settings of a factory or of a registered function, with their defaults."""
    if Language.has_factory(name):
        return Language.get_factory_meta(name).default_config
    for registered in registry.get_registry_names():
        functions = getattr(registry, registered)
        if registered != "factories" and registered != "cli" and name in functions:
            parameters = inspect.signature(functions.get(name)).parameters.values()
            return {
                each.name: None if each.default is inspect.Parameter.empty else each.default
                for each in parameters
            }
    raise AssertionError(f"{name} is neither a factory nor a registered function")


def test_settings_are_listed():
    assert {name for _, name, _ in TABLES} >= {
        "rnn_lm",
        "rnn_ner",
        "rnn_tagger",
        "rnn_textcat",
        "rnn_translator",
        "spacy-rnn.RecurrentEncoder.v1",
    }


@pytest.mark.parametrize(("page", "name", "section"), TABLES, ids=lambda each: each[:40])
def test_every_setting_is_listed_with_its_default(page, name, section):
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (?:`(.*?)`)? ?\|", section, re.MULTILINE)
    listed = {setting: cell for names, cell in rows for setting in re.findall(r"\w+", names)}
    defaults = find_defaults(name)
    assert listed.keys() == defaults.keys(), page
    for setting, default in listed.items():
        if default:
            assert json.loads(default) == defaults[setting], f"{page}: {setting}"


def test_every_corpus_format_is_listed():
    sections = [
        section
        for text in TEXTS.values()
        for section in re.findall(r"^#+ Corpus formats\n((?:(?!#).*\n)*)", text, re.MULTILINE)
        if "|---" in section
    ]
    assert sections
    for section in sections:
        rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.+) \|$", section, re.MULTILINE)
        assert [
            (name, tuple(re.findall(r"`(\.\w+)`", suffixes)), contents)
            for name, suffixes, contents in rows
        ] == [(reader.name, reader.suffixes, reader.contents) for reader in READERS.values()]


def test_all_cells_are_on_their_page():
    text = TEXTS["docs/usage/cells.md"]
    assert [name for name in CELLS if f'`"{name}"`' not in text] == []
