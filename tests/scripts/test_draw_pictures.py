"""Pictures are drawn from trained models; those of the documentation are well-formed."""

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import draw_pictures
import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed

SVG = "{http://www.w3.org/2000/svg}"
RUN = os.environ.get("PHRASEBOOK_RUN", "")
TRANSCRIPT = (
    "\x1b[38;5;4mRunning\x1b[0m\r\n\x1b[1m\r\n=== fit ===\x1b[0m\r\nhidden\r\n"
    "=== Training pipeline ===\r\n\r\n\r\nEpoch 1: 10%|█   |\r\x1b[2KEpoch 1: 100%|████|"
    "\r\n  0  \x1b[38;5;2m1.00\x1b[0m\r\n=== evaluate ===\r\nBLEU\r\n=== show ===\r\n"
    "Running command: python\r\n[2026-11-30 10:08:48,930] [WARNING] hot\r\nWo ist <es>?\r\n"
    "\r\nScript done on 2026-11-30\r\n"
)


def labels(picture, kind):
    root = ElementTree.fromstring(picture)
    return [text.text for text in root.iter(f"{SVG}text") if text.get("class") == kind]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder as trainings leave it."""
    fix_random_seed(0)
    path = tmp_path_factory.mktemp("run")
    for name, component in (("phrasebook", "rnn_translator"), ("phrasebook-ner", "rnn_ner")):
        nlp = spacy.blank("en")
        nlp.add_pipe(component, config={"vocab_size": 280} if name == "phrasebook" else {})
        example = Example.from_dict(
            nlp.make_doc("to Paris at 8:30"), {"entities": [(3, 8, "GPE")]}
        )
        example.reference._.translation = "um 8:30 nach Paris"
        optimizer = nlp.initialize(lambda example=example: [example])
        for _ in range(60 if name == "phrasebook-ner" else 0):
            nlp.update([example], sgd=optimizer)
        (path / "training" / name).mkdir(parents=True)
        nlp.to_disk(path / "training" / name / "model-best")
    training = path / "training" / "phrasebook"
    rows = [{"step": step, "losses": {"rnn_translator": 9.0}, "scores": {}} for step in (0, 5)]
    log = "".join(json.dumps(row) + "\n" for row in rows)
    (training / "log.jsonl").write_text(log, encoding="utf8")
    (training / "terminal.txt").write_bytes(TRANSCRIPT.encode("utf8"))
    return path


def test_all_pictures_are_drawn(run, tmp_path, root):
    draw_pictures.main(tmp_path, run)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn <= {path.name for path in (root / "docs" / "img").iterdir()}
    assert drawn == {"attention.svg", "entities.svg", "learning_curve.svg", "terminal.svg"}
    attention = (tmp_path / "attention.svg").read_text("utf8")
    assert "Epoch 1: 10%" not in (tmp_path / "terminal.svg").read_text("utf8")
    assert labels(attention, "source") == [*draw_pictures.TRANSLATED[:-1].split(), "?"]


def test_entities_have_their_probabilities(run):
    picture = draw_pictures.draw_entities(
        run / "training/phrasebook-ner/model-best", "to Paris at"
    )
    nlp = spacy.load(run / "training/phrasebook-ner/model-best")
    found = nlp("to Paris at").ents
    root = ElementTree.fromstring(picture)
    drawn = [text.text for text in root.iter(f"{SVG}text")]
    assert found
    for ent in found:
        assert ent.text in drawn
        assert f"{ent.label_} {ent._.confidence:.3f}" in drawn


def test_a_terminal_shows_the_sections_that_are_wanted():
    lines = draw_pictures.read_lines(TRANSCRIPT)
    kept = draw_pictures.select_sections(lines, ("Training pipeline", "show"))
    assert ["".join(text for _, text in line) for line in kept] == [
        "...",
        "",
        "=== Training pipeline ===",
        "",
        "Epoch 1: 100%|████|",
        "  0  1.00",
        "...",
        "",
        "=== show ===",
        "Wo ist <es>?",
    ]
    assert kept[5] == [("", "  0  "), ("three", "1.00")]


def test_a_terminal_is_drawn_line_by_line():
    picture = draw_pictures.draw_terminal("python", TRANSCRIPT, ("show",))
    root = ElementTree.fromstring(picture)
    drawn = [text.text for text in root.iter(f"{SVG}text")]
    assert drawn == ["$ python", "...", "=== show ===", "Wo ist <es>?"]


def test_a_missing_section_is_refused():
    lines = draw_pictures.read_lines(TRANSCRIPT)
    with pytest.raises(ValueError, match=r"no section \['shop'\]: it has \['Training"):
        draw_pictures.select_sections(lines, ("show", "shop"))


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
        # The title of a badge is all that it says, and it has colours of its own.
        if not path.name.startswith("badge-"):
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
