"""The repository's own files, such as the changelog, are valid and agree with each other."""

import os
import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest
import srsly

import spacy_rnn

KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.fixture
def setup(root):
    setup = ConfigParser()
    setup.read(root / "setup.cfg", encoding="utf8")
    return setup


def test_changelog(root):
    """In the form of keepachangelog.com: the newest first, dated, linked, without empty parts."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf8")
    assert text.startswith("# Changelog\n")
    versions = re.findall(r"^## \[(.+?)\](.*)$", text, re.MULTILINE)
    assert versions[0] == ("Unreleased", "")
    for version, date in versions:
        assert f"\n[{version}]: https://github.com/spacy-rnn/spacy-rnn/" in text
        assert version == "Unreleased" or re.fullmatch(r" - \d{4}-\d\d-\d\d", date)
    numbers = [tuple(map(int, version.split("."))) for version, _ in versions[1:]]
    assert numbers == sorted(numbers, reverse=True)
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert kinds
    assert set(kinds) <= KINDS
    assert not re.search(r"^(#+) .+\n+(?=\1 |\[|\Z)", text, re.MULTILINE)  # An empty part.


def test_citation(root, setup):
    citation = srsly.read_yaml(root / "CITATION.cff")
    # What the format requires (citation-file-format 1.2.0), and what has to agree.
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all(author.keys() & {"name", "family-names"} for author in citation["authors"])
    assert citation["authors"][0]["name"] == setup["metadata"]["author"]
    assert str(citation["version"]) == setup["metadata"]["version"]
    assert citation["license"] == setup["metadata"]["license"]
    assert citation["repository-code"] == setup["metadata"]["url"]
    assert f"{setup['metadata']['url']}/blob/main" in setup["metadata"]["project_urls"]


# Of workflows


@pytest.fixture
def workflows(root):
    paths = (root / ".github" / "workflows").glob("*.yml")
    return {path.stem: srsly.read_yaml(path) for path in paths}


def steps_of(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_workflows_are_harmless(workflows):
    """They may read alone, unless a job says otherwise, and use actions of a major version."""
    assert workflows.keys() == {"test", "docs", "publish"}
    for workflow in workflows.values():
        assert workflow["permissions"] == {"contents": "read"}
        assert workflow["on"]
        for step in steps_of(workflow):
            assert ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", step["uses"])
            else:  # What others write, such as the name of a branch, is no part of a command.
                assert "${{" not in step["run"]


def test_ci_runs_on_the_pythons_that_are_claimed(workflows, root, setup):
    full, light = (workflows["test"]["jobs"][name] for name in ("full", "light"))
    (ci,) = (step["run"] for step in full["steps"] if "run" in step)
    assert (root / ci).is_file()
    if (root / ".git").exists():  # Archives may lose it.
        assert os.access(root / ci, os.X_OK)
    pythons = full["strategy"]["matrix"]["python"]
    claimed = re.findall(r"Python :: (3\.\d+)$", setup["metadata"]["classifiers"], re.MULTILINE)
    assert claimed
    assert {*claimed} <= {*pythons}
    assert setup["options"]["python_requires"] == f">={pythons[0]}"
    (tests,) = (step["run"] for step in light["steps"] if "pytest" in step.get("run", ""))
    paths = [word for word in shlex.split(tests) if word.startswith("tests")]
    assert paths
    assert [path for path in paths if not (root / path).exists()] == []


def test_what_is_installed_exists(workflows, root, setup):
    extras = setup["options.extras_require"]
    texts = [step.get("run", "") for workflow in workflows.values() for step in steps_of(workflow)]
    texts.append((root / "CONTRIBUTING.md").read_text("utf8"))
    named = re.findall(r"-c (\S+) (?:-e )?[\"']?\.\[(\w+)\]", "\n".join(texts))
    assert {extra for _, extra in named} == {"test", "docs", "dev"} <= set(extras)
    assert all((root / constraints).is_file() for constraints, _ in named)


def test_forms_ask_for_versions(root):
    forms = {path.stem: srsly.read_yaml(path) for path in (root / ".github").glob("*/*.yml")}
    for name in ("bug", "feature"):
        fields = [field for field in forms[name]["body"] if field["type"] != "markdown"]
        assert forms[name]["name"]
        assert forms[name]["description"]
        assert all(field["attributes"]["label"] for field in fields)
        ids = [field["id"] for field in fields]
        assert len(ids) == len({*ids})
    (versions,) = (field for field in forms["bug"]["body"] if field.get("id") == "versions")
    for command in ("python -m spacy rnn info", "python -m spacy info"):
        assert command in versions["attributes"]["description"]
    links = forms["config"]["contact_links"]
    assert all(link.keys() == {"name", "url", "about"} for link in links)


# Of commits


def test_hooks_are_tools_that_are_installed(root, setup):
    """So that pre-commit downloads nothing."""
    config = srsly.read_yaml(root / ".pre-commit-config.yaml")
    (local,) = config["repos"]
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    extras = setup["options.extras_require"]
    installed = extras["test"] + extras["dev"]
    packages = {"lint-imports": "import-linter"}
    for hook in local["hooks"]:
        tool = shlex.split(hook["entry"])[0]
        own = re.match("check-|.*-fixer$", tool)
        assert f"\n{'pre-commit-hooks' if own else packages.get(tool, tool)}>=" in installed


# Of contributing


def sections_of(text, level):
    """Split a text into what its headings of a level are above of."""
    parts = re.split(rf"^{'#' * level} (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_recipes_name_what_exists(root):
    """Files, folders and tests; and what is in the files of a step by its name."""
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf8")
    recipes = sections_of(sections_of(text, 2)["Recipes"], 3)
    assert len(recipes) == 6
    package = Path(spacy_rnn.__file__).parent  # Not beside the tests of an installed package.
    code = "".join(path.read_text("utf8") for path in package.rglob("*.py"))
    known = code + (root / "setup.cfg").read_text("utf8")

    def find(path):
        return (package.parent if path.startswith("spacy_rnn/") else root) / path

    for recipe in recipes.values():
        words = re.findall(r"`([^`\n]+)`", recipe)
        (command,) = re.findall(r"python -m pytest ([^`]+)`", recipe)
        tests = [word for word in command.split() if word.startswith("tests")]
        paths = [word for word in words if "/" in word and " " not in word] + tests
        assert [path for path in paths if not find(path).exists()] == []
        steps = re.split(r"^\d\. ", recipe, flags=re.MULTILINE)[1:]
        for step in (each.split("\n\n")[0] for each in steps):
            files = [find(path) for path in re.findall(r"`(\w+/[\w/]+\.\w+)`", step)]
            own = "".join(path.read_text("utf8") for path in files) + (code if not files else "")
            names = {*re.findall(r"`([A-Z]\w+|test_\w+)`", step)} - {"NAME", "None"}
            assert [name for name in names if not re.search(rf"\b{name}\b", own)] == []
        called = re.findall(r"`(?!test_)(_?[a-z]+_\w+)`", recipe)
        assert [name for name in called if not re.search(rf"\b{name}\b", known)] == []


def test_everything_that_contributing_links_to_exists(root):
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"):
        text = (root / name).read_text(encoding="utf8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
        for target in re.findall(r"\]\(([^):]+)\)", text):
            path, _, anchor = target.partition("#")
            assert (root / path).exists() if path else anchor in anchors, target


def test_findings_are_listed_with_their_versions(root):
    """A row for each script, with the version that it installs."""
    text = (root / "findings" / "README.md").read_text(encoding="utf8")
    rows = dict(re.findall(r"^\| \[(\w+\.sh)\]\(\1\) \| (\w+ [\d.]+) \|", text, re.MULTILINE))
    scripts = {path.name: path for path in (root / "findings").glob("*.sh")}
    assert rows.keys() == scripts.keys() - {"run_all.sh"}
    for name, about in rows.items():
        script = scripts[name].read_text(encoding="utf8")
        assert script.startswith(f"#!/usr/bin/env bash\n# {about}")
        assert f"{about.lower().replace(' ', '==')}" in script
