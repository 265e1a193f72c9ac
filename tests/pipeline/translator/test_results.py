"""What a translation says beside its text."""

import gc
import weakref
from statistics import mean

import pytest
from spacy.tokens import Doc
from thinc.api import Model
from toy_translator import LONG, SMALL, TEXTS, make_examples, make_pipeline

from spacy_rnn.pipeline.translator.results import Describer
from spacy_rnn.text.subwords import Subwords


def test_n_best_differ_and_come_best_first(nlp):
    settings = {"rnn_translator": {"n_best": 4, "beam_width": 6}}
    (doc,) = nlp.pipe([TEXTS[0]], component_cfg=settings)
    found = doc._.translations
    assert found[0]["text"] == doc._.translation == "three two one"
    assert len({each["text"] for each in found}) == len(found) == 4
    assert sorted((each["score"] for each in found), reverse=True) == [
        each["score"] for each in found
    ]
    assert nlp(TEXTS[0], component_cfg=settings)._.translations == found
    assert len(nlp(TEXTS[0])._.translations) == 1


def test_scores_are_those_of_forced_decoding(nlp):
    translator = nlp.get_pipe("rnn_translator")
    doc = nlp(TEXTS[2])
    (best,) = doc._.translations
    pieces = translator.target_subwords.encode([best["text"]])
    assert translator.target_subwords.to_pieces(pieces[0]) == best["pieces"]
    docs = [nlp.make_doc(text) for text in (TEXTS[2], TEXTS[0])]
    log_probs, others = translator.log_probs(docs, [best["text"], ""])
    assert best["piece_scores"] == pytest.approx(log_probs, abs=1e-4)
    assert best["score"] == pytest.approx(mean(log_probs), abs=1e-4)
    assert len(others) == 1, "the end alone"
    assert translator.log_probs([], []) == []


@pytest.mark.parametrize("width", [1, 2])
def test_scores_are_of_one_unit_for_any_beam(nlp, width):
    (doc,) = nlp.pipe(TEXTS[:1], component_cfg={"rnn_translator": {"beam_width": width}})
    (best,) = doc._.translations
    assert best["score"] == pytest.approx(mean(best["piece_scores"]), abs=1e-5)


def test_memory_of_scoring_is_bounded(nlp, monkeypatch):
    """Batches by what they hold, and the same scores whatever they hold."""
    translator = nlp.get_pipe("rnn_translator")
    examples = make_examples(nlp)
    expected = translator.score(examples)
    sizes = []
    predict = Model.predict

    def spy(model, X):
        if model is translator.model:
            sizes.append(len(X[0]))
        return predict(model, X)

    monkeypatch.setattr(Model, "predict", spy)
    monkeypatch.setattr(translator, "max_batch_tokens", 5)
    assert translator.score(examples) == pytest.approx(expected)
    assert len(sizes) > len(examples) / 3


def test_alignments_name_characters_and_tokens(nlp):
    doc = nlp("  eins zwei drei ")
    (best,) = doc._.translations
    assert doc._.translation == "  three two one "
    assert best["text"] == doc._.translation
    covered = "".join(best["text"][each["start"] : each["end"]] for each in best["alignment"])
    assert covered == "three two one"
    for each in best["alignment"]:
        for position in each["source"]:
            token = doc[position["token"]]
            characters = doc.text[position["start"] : position["end"]]
            assert characters.strip() in token.text
            assert position["end"] <= token.idx + len(token)
        weights = [position["weight"] for position in each["source"]]
        assert weights == sorted(weights, reverse=True)
        assert 0.7 < sum(weights) <= 1 + 1e-5


def test_sources_are_tokenized_once(nlp, monkeypatch):
    translator = nlp.get_pipe("rnn_translator")
    texts = []
    encode = Subwords.encode

    def spy(self, batch, sampling=0.0):
        texts.extend(batch)
        return encode(self, batch, sampling)

    monkeypatch.setattr(Subwords, "encode", spy)
    docs = [nlp.make_doc(text) for text in TEXTS]
    translator.set_annotations(docs, translator.predict(docs))
    assert sorted(texts) == sorted(TEXTS)


def test_what_nobody_reads_is_not_built(nlp, monkeypatch):
    built = []
    describe = Describer.describe

    def spy(self, translation, untranslated=""):
        built.append(translation)
        return describe(self, translation, untranslated)

    monkeypatch.setattr(Describer, "describe", spy)
    docs = list(nlp.pipe(TEXTS))
    assert not built
    for doc in docs:
        assert doc._.translations is doc._.translations
        assert doc._.translations[0]["text"] == doc._.translation
        assert type(doc.user_data["._.", "translations", None, None]) is list
    assert len(built) == len(TEXTS)


def test_translations_are_written_at_once_to_an_attribute_of_others(nlp):
    extension = Doc.get_extension("translations")
    Doc.set_extension("translations", default=None, force=True)
    try:
        assert nlp(TEXTS[0])._.translations[0]["text"] == "three two one"
    finally:
        _, _, getter, setter = extension
        Doc.set_extension("translations", getter=getter, setter=setter, force=True)


def test_what_waits_to_be_read_does_not_hold_its_document(nlp):
    class Owned:
        pass

    doc = nlp(TEXTS[0])
    owned = doc.user_data["owned"] = Owned()
    freed = weakref.ref(owned)
    del owned
    gc.disable()
    try:
        del doc
        assert freed() is None
    finally:
        gc.enable()


DETAILS = {
    "text": {"text"},
    "scores": {"text", "score", "pieces", "piece_scores"},
    "alignments": {
        "text",
        "score",
        "pieces",
        "piece_scores",
        "alignment",
        "copied",
        "untranslated",
    },
}


@pytest.mark.parametrize(("beam_width", "n_best"), [(1, 1), (3, 1), (3, 3)])
@pytest.mark.parametrize("detail", DETAILS)
def test_translations_have_what_is_asked_for(nlp, detail, beam_width, n_best):
    search = {"beam_width": beam_width, "n_best": n_best}
    texts = [*TEXTS, LONG, ""]
    whole = nlp.pipe(texts, component_cfg={"rnn_translator": search})
    found = nlp.pipe(texts, component_cfg={"rnn_translator": {**search, "detail": detail}})
    for doc, expected in zip(found, whole, strict=True):
        assert doc._.translation == expected._.translation
        for each, full in zip(doc._.translations, expected._.translations, strict=True):
            assert each.keys() == DETAILS[detail]
            for key in each:
                is_number = key in ("score", "piece_scores")
                assert each[key] == (pytest.approx(full[key]) if is_number else full[key])


def test_detail_is_a_setting_of_the_component(nlp):
    other = make_pipeline({**SMALL, "detail": "text"}).from_bytes(nlp.to_bytes())
    (doc,) = other.pipe(TEXTS[:1])
    assert doc._.translations == [{"text": "three two one"}]
    translator = other.get_pipe("rnn_translator")
    translator.set_annotations([doc], translator.predict([doc]))
    assert doc._.translations == [{"text": "three two one"}]
    (doc,) = other.pipe(TEXTS[:1], component_cfg={"rnn_translator": {"detail": "scores"}})
    assert doc._.translations[0].keys() == DETAILS["scores"]
