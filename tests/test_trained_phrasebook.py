"""What `spacy project run train` leaves translates what a newcomer types first.

Training takes minutes, so these tests need a folder in which it ran: the environment variable
PHRASEBOOK_RUN names it.
"""

import json
import os
from pathlib import Path

import pytest
import spacy

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


@pytest.mark.parametrize(("name", "bleu"), [("phrasebook", 90), ("phrasebook-everyday", 60)])
def test_bleu(name, bleu):
    scores = json.loads((Path(RUN) / "metrics" / f"{name}.json").read_text(encoding="utf8"))
    assert scores["rnn_translator_bleu"] >= bleu
