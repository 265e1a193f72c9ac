"""Pictures are drawn from trained models; those of the documentation are well-formed."""

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import draw_pictures
import pytest
import spacy
from spacy.training import Example

SVG = "{http://www.w3.org/2000/svg}"
RUN = os.environ.get("PHRASEBOOK_RUN", "")


def labels(picture, kind):
    root = ElementTree.fromstring(picture)
    return [text.text for text in root.iter(f"{SVG}text") if text.get("class") == kind]


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_translator", config={"vocab_size": 280})
    example = Example.from_dict(nlp.make_doc("a quiet room"), {})
    example.reference._.translation = "ein ruhiges Zimmer"
    nlp.initialize(lambda: [example])
    path = tmp_path_factory.mktemp("translator")
    nlp.to_disk(path)
    return path


def test_all_pictures_are_drawn(translator, tmp_path):
    draw_pictures.main(tmp_path / "img", translator)
    picture = (tmp_path / "img" / "attention.svg").read_text("utf8")
    assert labels(picture, "source") == [*draw_pictures.TRANSLATED[:-1].split(), "?"]


def test_pieces_become_words_with_the_mean_of_their_weights():
    alignment = {
        "source": ["the", "towel", "."],
        "target": ["▁das", "▁Hand", "tuch", "."],
        "weights": [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]],
    }
    assert draw_pictures.join_pieces(alignment) == {
        "source": ["the", "towel", "."],
        "target": ["das", "Handtuch", "."],
        "weights": [[1, 0, 0], [0.25, 0.75, 0], [0, 0, 1]],
    }


def test_pictures_of_the_documentation_stand_alone(root):
    pictures = sorted((root / "docs").rglob("*.svg"))
    assert pictures
    for path in pictures:
        assert path.stat().st_size < 150_000, path.name
        text = path.read_text("utf8")
        picture = ElementTree.fromstring(text)
        assert picture.findtext(f"{SVG}title"), path.name
        assert picture.findtext(f"{SVG}desc"), path.name
        assert "prefers-color-scheme: dark" in text, path.name
        addresses = re.findall(r"https?://[^\s\"'<)]+", text)
        assert set(addresses) == {"http://www.w3.org/2000/svg"}, path.name
        assert "<script" not in text, path.name


@pytest.mark.skipif(not RUN, reason="PHRASEBOOK_RUN names no folder of a trained run")
def test_the_committed_attention_has_the_words_of_the_trained_model(root):
    model = Path(RUN) / "training" / "phrasebook" / "model-best"
    drawn = draw_pictures.draw_attention(model, draw_pictures.TRANSLATED)
    committed = (root / "docs" / "img" / "attention.svg").read_text("utf8")
    for kind in ("source", "target"):
        assert labels(committed, kind) == labels(drawn, kind)
