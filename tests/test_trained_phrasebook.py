"""What `spacy project run train` leaves translates what a newcomer types first.

Training takes minutes, so these tests need a folder in which it ran: the environment variable
PHRASEBOOK_RUN names it.
"""

import json
import os
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Span

RUN = os.environ.get("PHRASEBOOK_RUN", "")
pytestmark = pytest.mark.skipif(not RUN, reason="PHRASEBOOK_RUN names no folder of a trained run")

FIRST = {
    "I would like a quiet room.": "Ich möchte ein ruhiges Zimmer.",
    "Where is the station?": "Wo ist der Bahnhof?",
    "I am tired.": "Ich bin müde.",
    "Good morning.": "Guten Morgen.",
    "Thank you very much.": "Vielen Dank.",
    "Hello! How are you?": "Hallo! Wie geht es Ihnen?",
}
FAR_AWAY = (
    "The committee rejected the third amendment.",
    "Photosynthesis converts light into chemical energy.",
    "Her essays influenced a generation of philosophers.",
)


@pytest.fixture(scope="module")
def nlp():
    return spacy.load(Path(RUN) / "training" / "phrasebook" / "model-best")


@pytest.mark.parametrize(("text", "translation"), FIRST.items())
def test_first_sentences(nlp, text, translation):
    assert nlp(text)._.translation == translation


def test_scores_say_what_is_far_from_all_that_was_learnt(nlp):
    near = [nlp(text)._.translations[0]["score"] for text in FIRST]
    far = [nlp(text)._.translations[0]["score"] for text in FAR_AWAY]
    assert min(near) > max(far)


KEPT = "https://example.com/a?b=1"


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("My room is {number}.", "Mein Zimmer ist {number}."),
        (f"Where is {KEPT}?", f"Wo ist {KEPT}?"),
    ],
)
def test_text_that_is_no_language_stays(nlp, text, translation):
    settings = {"rnn_translator": {"keep": ["url", "placeholder"]}}
    (doc,) = nlp.pipe([text], component_cfg=settings)
    assert doc._.translation == translation
    kept = KEPT if KEPT in text else "{number}"
    found = doc._.translations[0]["alignment"]
    assert "".join(translation[each["start"] : each["end"]] for each in found) == translation
    place = translation.index(kept)
    for each in found:
        if place < each["end"] and each["start"] < place + len(kept):
            strongest = each["source"][0]
            assert kept in text[strongest["start"] : strongest["end"]]
            assert doc[strongest["token"]].text in text


def test_terms_are_written(nlp):
    doc = nlp.make_doc("Where is the nearest bank?")
    doc.spans["terms"] = [Span(doc, 4, 5, span_id="Sparkasse")]
    assert nlp(doc)._.translation == "Wo ist die nächste Sparkasse?"


@pytest.mark.parametrize(("name", "bleu"), [("phrasebook", 90), ("phrasebook-everyday", 60)])
def test_bleu(name, bleu):
    scores = json.loads((Path(RUN) / "metrics" / f"{name}.json").read_text(encoding="utf8"))
    assert scores["rnn_translator_bleu"] >= bleu
