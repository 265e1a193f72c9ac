"""Translations that leave something out."""

import numpy as np
import pytest
from toy_translator import TEXTS, make_pipeline, train

from spacy_rnn.generation.state import Hypothesis
from spacy_rnn.pipeline.translator.completeness import find_untranslated
from spacy_rnn.pipeline.translator.passages import TranslatedPassage


def test_only_alignments_say_what_is_missing(trained, caplog):
    nlp = make_pipeline().from_bytes(trained[0].to_bytes())
    cut = {"max_ratio": 0.0, "max_extra": 2, "detail": "scores"}
    assert list(nlp.pipe([" ".join(TEXTS * 2)], component_cfg={"rnn_translator": cut}))
    assert not caplog.records


def test_incomplete_translations_are_said_once_and_marked(trained, caplog):
    nlp = make_pipeline().from_bytes(trained[0].to_bytes())
    cut = {"rnn_translator": {"max_ratio": 0.0, "max_extra": 2}}
    texts = [TEXTS[1], " ".join(TEXTS * 2), TEXTS[1], " ".join(TEXTS * 3)]
    for _ in range(2):
        docs = list(nlp.pipe(texts, component_cfg=cut))
        assert [bool(doc._.translations[0]["untranslated"]) for doc in docs] == [False, True] * 2
        for doc in docs[1::2]:
            (left_out,) = doc._.translations[0]["untranslated"]
            assert 0 <= left_out["start"] < left_out["end"] <= len(doc.text)
    (record,) = caplog.records
    assert "2 of 4 translations seem to leave out a part of the text" in record.getMessage()
    assert repr(texts[1][:60]) in record.getMessage()


def test_nothing_is_said_of_a_network_that_has_not_learned(caplog):
    """As in the first evaluation of every training."""
    nlp = make_pipeline()
    train(nlp, steps=1)
    cut = {"rnn_translator": {"max_ratio": 0.0, "max_extra": 2}}
    (doc,) = nlp.pipe([" ".join(TEXTS * 2)], component_cfg=cut)
    assert doc._.translations[0]["untranslated"]
    assert not caplog.records


@pytest.mark.parametrize(
    ("attended", "lengths", "expected"),
    [
        (range(10), (40, 40), None),
        (range(10), (40, 15), None),
        (range(10), (40, 10), (0, 40)),
        (range(4), (40, 40), (16, 40)),
        ([0, 1, 8, 9], (40, 20), (8, 32)),
        ([], (40, 40), None),
        ([], (40, 4), (0, 40)),
        ([0], (4, 1), None),
    ],
)
def test_what_is_left_out_has_no_attention_or_no_length(attended, lengths, expected):
    positions = [
        {"start": 4 * index, "end": 4 * index + 4, "token": index}
        for index in range(lengths[0] // 4)
    ]
    hypothesis = Hypothesis([1], 0.0, [0.0, 0.0], [[*attended]], [[0.5] * len(attended)])
    translated = TranslatedPassage(
        before="",
        after="",
        length=lengths[0],
        first_character=0,
        first_token=0,
        tokens=np.zeros((1, 2)),
        source_pieces=[1] * len(positions),
        stand_ins=[],
        hypotheses=[hypothesis],
        texts=["x" * lengths[1]],
    )
    found = find_untranslated(translated, 0, positions, 1.0)
    assert [(each["start"], each["end"]) for each in found] == ([expected] if expected else [])
