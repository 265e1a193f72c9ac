"""The documentation site: it builds without a warning, is complete, and fetches nothing."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("material")
pytest.importorskip("mkdocstrings_handlers.python")
pytest.importorskip("mkdocs_jupyter")
reference = pytest.importorskip("reference")

ROOT = Path(__file__).parents[2]
LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
# Links that name an address and load nothing.
NAMING = {"canonical", "prev", "next", "edit"}


def build(config, target):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", config, "-d", target],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", target)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return target


class Page(HTMLParser):
    """What a page loads, and the anchors it has."""

    def __init__(self, path):
        super().__init__()
        self.loads = []
        self.anchors = set()
        self.feed(path.read_text(encoding="utf8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.add(attrs.get("id"))
        if tag in LOADING and not NAMING & set((attrs.get("rel") or "").split()):
            self.loads.append(attrs.get(LOADING[tag]) or "")


def test_nothing_is_fetched_from_elsewhere(site):
    loads = {
        str(path.relative_to(site)): elsewhere
        for path in site.rglob("*.html")
        if (elsewhere := [load for load in Page(path).loads if re.match(r"(\w+:)?//", load)])
    }
    assert loads == {}
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)[ \"']*(https?:)?//", path.read_text("utf8")), path


def test_scripts_find_nothing_to_fetch_for(site):
    """Material's script asks the forge for stars, and fetches a library to draw diagrams."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf8")
        assert 'data-md-component="source"' not in text, path
        assert 'class="mermaid"' not in text, path


def test_all_that_is_registered_has_a_section(site):
    anchors = set().union(*(Page(path).anchors for path in site.glob("reference/**/*.html")))
    assert [name for name in reference.names() if name not in anchors] == []


@pytest.mark.parametrize("text", ["beam_width", "RecurrentEncoder", "translate", "rnn_ner"])
def test_search_finds_sections(site, text):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf8"))
    found = [
        entry["location"] for entry in index["docs"] if text in entry["title"] + entry["text"]
    ]
    assert any(location.startswith("reference/") for location in found)


FAULTY = """
INHERIT: {config}
docs_dir: {docs}
theme: {{name: material}}
extra_css: []
nav: [{{Home: index.md}}, {{Gone: gone.md}}]
hooks: []
"""

PAGE = """
# Home

[no page](missing.md) [no anchor](index.md#missing) [no reference][missing.reference]
"""


def test_faults_fail_the_build(tmp_path):
    """Broken links, missing anchors and names, pages that are not listed, or not there."""
    docs = tmp_path / "docs"
    (docs / "theme").mkdir(parents=True)
    (docs / "index.md").write_text(PAGE, encoding="utf8")
    (docs / "unlisted.md").write_text("# Unlisted", encoding="utf8")
    config = tmp_path / "mkdocs.yml"
    config.write_text(FAULTY.format(config=ROOT / "mkdocs.yml", docs=docs), encoding="utf8")
    done = build(config, tmp_path / "site")
    assert done.returncode == 1
    messages = re.split(r"\n(?=[A-Z]+ +-)", done.stderr)
    warnings = [message for message in messages if message.startswith("WARNING")]
    for fault in ("missing.md", "#missing", "missing.reference", "unlisted.md", "gone.md"):
        assert [text for text in warnings if fault in text], (fault, done.stderr)
