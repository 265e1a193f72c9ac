"""Translators in files, and their translations in stored documents."""

import copy
import json
import pickle

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin
from toy_translator import TEXTS, make_pipeline, translations


@pytest.mark.parametrize("way", ["bytes", "disk", "pickle"])
def test_it_survives_storage(nlp, way, tmp_path):
    if way == "bytes":
        copy = make_pipeline().from_bytes(nlp.to_bytes())
    elif way == "disk":
        nlp.to_disk(tmp_path)
        copy = spacy.load(tmp_path)
    else:
        copy = pickle.loads(pickle.dumps(nlp))
    assert translations(copy) == translations(nlp)


def test_it_works_in_a_new_process(nlp, tmp_path, run_python):
    nlp.to_disk(tmp_path / "model")
    code = (
        "import spacy, sys, json; nlp = spacy.load(sys.argv[1]); "
        "print(json.dumps([d._.translation for d in nlp.pipe(sys.argv[2:])]))"
    )
    output = run_python("-c", code, tmp_path / "model", *TEXTS)
    assert srsly.json_loads(output) == translations(nlp)


def test_alignments_travel_with_documents(nlp):
    """Also to where there is no vocabulary to read pieces by."""
    docs = list(nlp.pipe(TEXTS, component_cfg={"rnn_translator": {"n_best": 3}}))
    stored = DocBin(store_user_data=True, docs=docs).to_bytes()
    read = DocBin().from_bytes(stored).get_docs(spacy.blank("de").vocab)
    for doc, expected in zip(read, docs, strict=True):  # Lists come back as tuples.
        assert srsly.json_dumps(doc._.translations) == srsly.json_dumps(expected._.translations)


@pytest.mark.parametrize(
    "travel",
    [
        lambda doc: Doc(doc.vocab).from_bytes(doc.to_bytes()),
        lambda doc: pickle.loads(pickle.dumps(doc)),
        lambda doc: doc.copy(),
        lambda doc: Doc(doc.vocab, words=["x"], user_data=dict(doc.user_data)),
        lambda doc: Doc(doc.vocab, words=["x"], user_data=copy.deepcopy(doc.user_data)),
    ],
)
def test_translations_that_were_not_read_travel_as_plain_values(nlp, travel):
    expected, doc = nlp(TEXTS[0])._.translations, nlp(TEXTS[0])
    there = travel(doc)._.translations
    assert srsly.json_dumps(there) == srsly.json_dumps(expected)
    assert [type(each) for each in there] == [dict]
    assert doc._.translations == expected


def test_translations_that_were_not_read_are_in_json(nlp):
    expected = nlp(TEXTS[0])._.translations
    assert nlp(TEXTS[0]).to_json(underscore=["translations"])["_"] == {"translations": expected}


def test_translations_are_read_where_no_translator_is(nlp, tmp_path, run_python):
    """By whoever registers the attribute there."""
    docs = list(nlp.pipe(TEXTS))
    DocBin(store_user_data=True, docs=docs).to_disk(tmp_path / "docs.spacy")
    code = (
        "import json, sys, spacy; from spacy.tokens import Doc, DocBin\n"
        "Doc.set_extension('translations', default=None)\n"
        "docs = DocBin().from_disk(sys.argv[1]).get_docs(spacy.blank('de').vocab)\n"
        "print(json.dumps([doc._.translations for doc in docs]))"
    )
    output = run_python("-c", code, tmp_path / "docs.spacy")
    expected = json.loads(json.dumps([doc._.translations for doc in docs]))
    assert json.loads(output) == expected
