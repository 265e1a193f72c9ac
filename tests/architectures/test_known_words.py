"""Words that the training data has not."""

import numpy as np
import pytest
import spacy
from thinc.api import fix_random_seed

from spacy_rnn.architectures.embeddings import build_sum_hash_embed_v1
from spacy_rnn.architectures.known_words import count_words

SETTINGS = {"width": 8, "attrs": ["NORM", "SHAPE"], "rows": [500, 500]}


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def model(nlp):
    """An embedding that knows "a" from ten places and "b" from one."""
    model = build_sum_hash_embed_v1(**SETTINGS, unk_alpha=0.5)
    docs = [nlp.make_doc("a a a a a"), nlp.make_doc("b a a a a a"), nlp.make_doc("")]
    count_words(model, docs)
    model.initialize(X=docs)
    return model


def test_unknown_words_differ_in_other_attributes_alone(nlp, model):
    (vectors,) = model.predict([nlp.make_doc("x a y XX b Z")])
    np.testing.assert_array_equal(vectors[0], vectors[2])
    rows = {tuple(row) for row in vectors.tolist()}
    assert len(rows) == 5


def test_known_words_are_as_they_would_be_without(nlp, model):
    plain = build_sum_hash_embed_v1(**SETTINGS).initialize()
    plain.layers[0].set_param("E", model.layers[0].get_param("E"))
    docs = [nlp.make_doc("a b a")]
    np.testing.assert_array_equal(model.predict(docs), plain.predict(docs))
    assert not np.array_equal(
        model.predict([nlp.make_doc("c")]), plain.predict([nlp.make_doc("c")])
    )


def test_rare_words_are_taken_for_unknown_more_often(nlp, model):
    fix_random_seed(0)
    doc = nlp.make_doc("a b x")
    hidden = np.zeros(2)
    for _ in range(600):
        (vectors,), _ = model.begin_update([doc])
        hidden += (vectors[:2] == vectors[2]).all(axis=1)
    assert hidden / 600 == pytest.approx([0.5 / 10.5, 0.5 / 1.5], abs=0.06)


def test_what_is_known_is_stored(nlp, model):
    docs = [nlp.make_doc("a b c XX")]
    copy = build_sum_hash_embed_v1(**SETTINGS, unk_alpha=0.5).from_bytes(model.to_bytes())
    np.testing.assert_array_equal(copy.predict(docs), model.predict(docs))


@pytest.mark.parametrize("factory", ["rnn_tagger", "rnn_ner", "rnn_textcat"])
def test_components_count_the_words_of_all_examples(nlp, factory):
    embed = {"@architectures": "spacy-rnn.SumHashEmbed.v1", **SETTINGS, "unk_alpha": 0.5}
    encode = {"@architectures": "spacy-rnn.BiLSTMEncoder.v1", "width": 8, "depth": 1, "dropout": 0}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    component = nlp.add_pipe(factory, config={"model": {"tok2vec": tok2vec}})
    texts = [f"word{number}" for number in range(30)]
    docs = [spacy.tokens.Doc(nlp.vocab, words=[text], tags=["X"], ents=["B-X"]) for text in texts]
    for number, doc in enumerate(docs):
        doc.cats = {"A": number % 2, "B": 1 - number % 2}
    nlp.initialize(lambda: [spacy.training.Example(nlp.make_doc(doc.text), doc) for doc in docs])
    (table,) = (node for node in component.model.walk() if "known" in node.attrs)
    assert len(table.attrs["known"]) == 8 * 30


def test_without_counts_it_says_where_it_works(nlp):
    model = build_sum_hash_embed_v1(**SETTINGS, unk_alpha=0.5).initialize()
    with pytest.raises(ValueError, match=r"unk_alpha is 0\.5, but no words"):
        model.predict([nlp.make_doc("a")])


@pytest.mark.parametrize("unk_alpha", [-0.1, float("inf"), float("nan")])
def test_wrong_settings_are_refused(unk_alpha):
    with pytest.raises(ValueError, match="unk_alpha is"):
        build_sum_hash_embed_v1(**SETTINGS, unk_alpha=unk_alpha)
