"""The repository's own files, such as the changelog, are valid and agree with each other."""

import re
from configparser import ConfigParser

import pytest

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
