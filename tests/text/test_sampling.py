"""Sampled segmentations: those of sentencepiece, repeatable from process to process."""

import math
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn.text.sampling import UNKNOWN_PENALTY, Sampler
from spacy_rnn.text.subwords import train_subwords

PHRASEBOOK = Path(__file__).parents[2] / "assets" / "phrasebook" / "dev.jsonl"
TEXTS = [each["translation"] for each in srsly.read_jsonl(PHRASEBOOK)]
HARD = ["", " ", "  a  b ", "\t\n", "x\x00y\x7f", "👩‍👩‍👧", "漢字", "a\u2028b", "ß\u0301", "ﬁ"]

any_text = st.text(st.characters(exclude_categories=["Cs"]))
# Texts that merge at many places, with pieces of several words' beginnings.
words_text = st.lists(st.sampled_from([*"abstehn ", "heute", "Zug", "\u2581", "  "])).map("".join)


@pytest.fixture(scope="module")
def bpe():
    return train_subwords(TEXTS, 600, "bpe")


@pytest.fixture(scope="module")
def unigram():
    return train_subwords(TEXTS, 600, "unigram")


@settings(deadline=None, derandomize=True)
@given(any_text | words_text)
def test_without_dropout_merges_are_those_of_sentencepiece(bpe, text):
    assert Sampler(bpe._processor).encode(text, 0.0, Random(0)) == bpe.encode([text])[0]


@pytest.mark.parametrize("text", [*TEXTS[:20], *HARD, "<0x41> <s> <unk>"])
def test_without_dropout_texts_are_merged_as_by_sentencepiece(bpe, text):
    assert Sampler(bpe._processor).encode(text, 0.0, Random(0)) == bpe.encode([text])[0]


@settings(deadline=None, derandomize=True)
@given(any_text | words_text)
def test_sampled_segmentations_are_of_the_text(bpe, unigram, text):
    for subwords in (bpe, unigram):
        assert subwords.decode(subwords.encode([text], 0.4)) == [text.replace("\u2581", " ")]


def segmentations(text, scores, unknown):
    """All ways to segment, each with its score."""
    if not text:
        return {(): 0.0}
    found = {}
    for end in range(1, len(text) + 1):
        piece = text[:end]
        if piece in scores or end == 1:
            rest = segmentations(text[end:], scores, unknown)
            found |= {(piece, *p): scores.get(piece, unknown) + s for p, s in rest.items()}
    return found


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_unigram_samples_follow_their_probabilities(unigram, alpha):
    processor = unigram._processor
    scores = {
        processor.id_to_piece(piece): processor.get_score(piece)
        for piece in range(len(unigram))
        if not processor.is_byte(piece) and piece > 2
    }
    ways = segmentations("\u2581denster", scores, min(scores.values()) - UNKNOWN_PENALTY)
    assert len(ways) > 5
    weights = {way: math.exp(alpha * score) for way, score in ways.items()}
    drawn = Counter(
        tuple(unigram.to_pieces(pieces)) for pieces in unigram.encode(["denster"] * 5000, alpha)
    )
    assert drawn.keys() <= weights.keys()
    for way, weight in weights.items():
        share = weight / sum(weights.values())
        assert drawn[way] / 5000 == pytest.approx(
            share, abs=5 * (share * (1 - share) / 5000) ** 0.5
        )


def test_dropout_leaves_out_merges_as_in_sentencepiece(bpe):
    """The shares of all segmentations agree; sentencepiece draws anew in each process."""
    processor, number = bpe._processor, 5000
    ours = Counter(map(tuple, bpe.encode(["Hotel heute"] * number, 0.3)))
    settings = {"enable_sampling": True, "alpha": 0.3, "nbest_size": -1}
    theirs = Counter(tuple(processor.encode("Hotel heute", **settings)) for _ in range(number))
    assert len(ours) > 5
    for way in ours | theirs:
        # Six standard deviations of a difference of counts.
        assert abs(ours[way] - theirs[way]) < 6 * (ours[way] + theirs[way] + 1) ** 0.5


def test_a_seed_repeats_the_draws_in_every_process(bpe, unigram, run_python, tmp_path):
    code = (
        "import sys; import numpy as np; from spacy_rnn.text.subwords import Subwords; "
        "np.random.seed(3); subwords = Subwords(open(sys.argv[1], 'rb').read()); "
        "print(subwords.encode(['Mein Koffer steht'] * 5, 0.4))"
    )
    for subwords in (bpe, unigram):
        np.random.seed(3)
        expected = subwords.encode(["Mein Koffer steht"] * 5, 0.4)
        (tmp_path / "vocabulary").write_bytes(subwords.to_bytes())
        assert run_python("-c", code, "vocabulary").strip() == str(expected)
