"""Gold data on their way through spaCy's corpus reader: kept, or counted as missing."""

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus, Example
from spacy.util import registry

from spacy_rnn.extensions import ensure_extension
from spacy_rnn.training.augmenters import create_keep_user_data_v1

LOWER = {"@augmenters": "spacy.lower_case.v1", "level": 1.0}
ORTH = {
    "@augmenters": "spacy.orth_variants.v1",
    "level": 1.0,
    "lower": 1.0,
    "orth_variants": {"single": [{"tags": ["."], "variants": ["."]}]},
}
COMBINED = {
    "@augmenters": "spacy.combined_augmenter.v1",
    "lower_level": 1.0,
    "orth_level": 0.0,
    "orth_variants": None,
    "whitespace_level": 1.0,
    "whitespace_per_token": 0.0,
    "whitespace_variants": ["\n"],
}


def write_corpus(path, **annotation):
    """Write a corpus of two sentences in each document, with gold data outside of tokens."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for name in ("translation", "other"):
        ensure_extension(name)
    docs = DocBin(store_user_data=True)
    for number in range(20):
        doc = nlp(f"Room {number} . Two beds .")
        doc._.translation = [f"Zimmer {number}", "two"]
        doc._.other = number
        doc.cats = {"A": float(number % 2), "B": float(1 - number % 2)}
        doc.spans["beds"] = [doc[3:5]]
        docs.add(doc)
    docs.to_disk(path)
    return path


@pytest.mark.parametrize("augmenter", [LOWER, ORTH, COMBINED], ids=lambda it: it["@augmenters"])
def test_augmenters_keep_translations(tmp_path, augmenter):
    path = write_corpus(tmp_path / "a.spacy")
    wrapped = {"@augmenters": "spacy-rnn.keep_user_data.v1", "augmenter": augmenter}
    augment = registry.resolve({"augmenter": wrapped})["augmenter"]
    examples = list(Corpus(path, augmenter=augment)(spacy.blank("en")))
    assert len(examples) == 20
    for number, example in enumerate(examples):
        reference = example.reference
        assert reference.text == example.predicted.text
        assert reference.text.strip() == f"room {number} . two beds ."
        assert list(reference._.translation) == [f"Zimmer {number}", "two"]
        assert reference._.other == number
        assert reference.cats == {"A": float(number % 2), "B": float(1 - number % 2)}
        assert [span.text for span in reference.spans["beds"]] == ["two beds"]


def test_what_an_augmenter_sets_itself_stays():
    nlp = spacy.blank("en")
    ensure_extension("translation")

    def translate(nlp, example):
        yield example
        other = Example(nlp.make_doc("b"), nlp.make_doc("b"))
        other.reference._.translation = "B"
        yield other

    example = Example(nlp.make_doc("a"), nlp.make_doc("a"))
    example.reference._.translation = "A"
    augmented = create_keep_user_data_v1(translate)(nlp, example)
    assert [each.reference._.translation for each in augmented] == ["A", "B"]


CONFIGS = {
    "rnn_translator": {
        "vocab_size": 290,
        "model": {
            "encoder": {"embed_width": 8, "network": {"width": 8}},
            "attention": {"width": 8},
            "decoder": {"embed_width": 8, "readout_width": 8, "network": {"width": 8}},
        },
    },
    "rnn_textcat": {},
    "rnn_textcat_multilabel": {},
}


@pytest.mark.parametrize("settings", [{"gold_preproc": True}, {"max_length": 5}], ids=str)
@pytest.mark.parametrize("factory", CONFIGS)
def test_examples_that_lost_their_gold_data_are_counted(tmp_path, caplog, factory, settings):
    path = write_corpus(tmp_path / "a.spacy")
    nlp = spacy.blank("en")
    component = nlp.add_pipe(factory, config=CONFIGS[factory])
    whole = list(Corpus(path)(nlp))
    nlp.initialize(lambda: whole)
    nlp.update(whole[:4])
    nlp.evaluate(whole[:4])
    assert not caplog.records
    lost = list(Corpus(path, **settings)(nlp))
    mixed = whole[:3] + lost[:5]
    for _ in range(2):
        nlp.update(mixed)
        nlp.evaluate(mixed)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert messages[0].startswith(f'"{factory}" learns nothing from 5 of 8 examples, as they have')
    assert messages[1].startswith(f'"{factory}" leaves out in its score 5 of 8 examples')
    assert all("gold_preproc" in message for message in messages)
    caplog.clear()
    component.initialize(lambda: mixed, nlp=nlp)
    nlp.update(mixed)
    (record,) = caplog.records
    assert "learns nothing from 5 of 8 examples" in record.getMessage()


@pytest.mark.parametrize("settings", [{"gold_preproc": True}, {"augmenter": LOWER}], ids=str)
def test_a_translator_without_any_translation_names_the_cause(tmp_path, settings):
    settings = registry.resolve({"settings": settings})["settings"]
    path = write_corpus(tmp_path / "a.spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_translator", config=CONFIGS["rnn_translator"])
    examples = list(Corpus(path, **settings)(nlp))
    with pytest.raises(
        ValueError, match=r"No example .* augmenter, gold_preproc, or a max_length"
    ):
        nlp.initialize(lambda: examples)
