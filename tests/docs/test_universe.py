"""The entry for spaCy's universe has the form that its website reads, and its example runs."""

import json
import re

import pytest

# See https://github.com/explosion/spaCy/blob/master/website/UNIVERSE.md; the categories are those
# of projects.
REQUIRED = {
    "id": str,
    "title": str,
    "slogan": str,
    "description": str,
    "github": str,
    "pip": str,
    "code_example": list,
    "code_language": str,
    "url": str,
    "author": str,
    "author_links": dict,
    "category": list,
    "tags": list,
}
OPTIONAL = {"thumb": str, "image": str}
CATEGORIES = {"pipeline", "training", "conversational", "research", "scientific", "visualizers"}
CATEGORIES |= {"apis", "nonpython", "standalone", "models"}


@pytest.fixture
def entry(root):
    return json.loads((root / "docs" / "universe.json").read_text(encoding="utf8"))


def test_keys_and_categories_are_known(entry):
    assert entry.keys() >= REQUIRED.keys()
    forms = REQUIRED | OPTIONAL
    assert {key: type(value) for key, value in entry.items()} == {key: forms[key] for key in entry}
    assert set(entry["category"]) <= CATEGORIES
    assert entry["author_links"].keys() <= {"twitter", "github", "website"}
    assert all(isinstance(each, str) for each in [*entry["code_example"], *entry["tags"]])


def test_it_names_this_project(entry, root):
    setup = (root / "setup.cfg").read_text(encoding="utf8")
    assert entry["pip"] == re.search(r"^name = (.*)$", setup, re.MULTILINE)[1]
    assert f"https://github.com/{entry['github']}\n" in setup
    assert entry["url"] in setup


def test_the_example_runs(entry, capsys):
    exec(compile("\n".join(entry["code_example"]), "universe.json", "exec"), {})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["Anna", "PERSON"], ["Oslo", "PLACE"]]
    assert all(0.5 < float(line[2]) <= 1 for line in lines)
