from importlib.metadata import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from draw_badges import draw_badge, draw_badges

PICTURES = Path(__file__).parents[2] / "docs" / "img"


@pytest.mark.parametrize(("name", "picture"), draw_badges().items())
def test_badges_are_up_to_date(name, picture):
    assert (PICTURES / f"badge-{name}.svg").read_text(encoding="utf8") == picture


def test_badges_say_what_is_installed():
    installed = metadata("spacy-rnn")
    badges = draw_badges()
    assert f">{installed['Version']}<" in badges["version"]
    assert f">{installed['Requires-Python'].removeprefix('>=')}+<" in badges["python"]
    assert f">{installed['License-Expression'] or installed['License']}<" in badges["licence"]
    (spacy,) = (line for line in installed.get_all("Requires-Dist") if line.startswith("spacy<"))
    assert spacy.split(">=")[1] in badges["spacy"]


def test_text_is_escaped():
    assert ElementTree.fromstring(draw_badge("<&", '"')).findtext("{*}title") == '<&: "'
