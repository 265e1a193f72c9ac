"""Words that the training data has not."""

import numpy as np
import pytest
import spacy
from thinc.api import fix_random_seed

from spacy_rnn.architectures import known_words
from spacy_rnn.architectures.embeddings import build_sum_hash_embed_v1
from spacy_rnn.architectures.known_words import (
    WordCounts,
    count_words,
    find_counting,
    get_word_counts,
    retain_words,
    set_word_counts,
)

SETTINGS = {"width": 8, "attrs": ["NORM", "SHAPE"], "rows": [500, 500]}


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def model(nlp):
    """An embedding that knows "a", which occurred ten times, and "b", which occurred once."""
    model = build_sum_hash_embed_v1(**SETTINGS, unk_alpha=0.5)
    docs = [nlp.make_doc("a a a a a"), nlp.make_doc("b a a a a a"), nlp.make_doc("")]
    count_words(find_counting(model), docs)
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


def test_without_counts_nothing_is_hidden_and_training_says_so(nlp):
    model = build_sum_hash_embed_v1(**SETTINGS, unk_alpha=0.5).initialize()
    plain = build_sum_hash_embed_v1(**SETTINGS).initialize()
    plain.layers[0].set_param("E", model.layers[0].get_param("E"))
    docs = [nlp.make_doc("a b XX")]
    expected = plain.predict(docs)
    np.testing.assert_array_equal(model.predict(docs), expected)
    with pytest.warns(UserWarning, match=r"unk_alpha is 0\.5, but no words .*count_words\.v1"):
        (vectors, _) = model.begin_update(docs)
    np.testing.assert_array_equal(vectors, expected)


def test_words_are_counted_in_constant_memory(monkeypatch):
    """Of more words than are held the frequent ones are known, with all their occurrences."""
    monkeypatch.setattr(known_words, "MAX_WORDS", 10)
    monkeypatch.setattr(known_words, "WORDS_AT_ONCE", 50)
    counts = WordCounts()
    for number in range(200):
        counts.add(np.array([7, 3, 1000 + number], dtype="uint64"))
        assert len(counts.words) <= 10
    counts.merge()
    assert len(counts.words) == 10
    assert counts.words[:2].tolist() == [3, 7]
    assert counts.counts[:2].tolist() == [200, 200]


def test_counts_are_handed_over_in_plain_types(nlp, model):
    embeddings = find_counting(model)
    counts = get_word_counts(embeddings)
    assert [each["attr"] for each in counts] == ["NORM"]
    assert sorted(counts[0]["counts"]) == [1, 10]
    other = build_sum_hash_embed_v1(**SETTINGS, unk_alpha=0.5)
    set_word_counts(find_counting(other), counts)
    assert get_word_counts(find_counting(other)) == counts


@pytest.mark.parametrize(
    "counts",
    [
        [],
        [{"attr": "LOWER", "words": [1], "counts": [1]}],
        [{"attr": "NORM", "words": [1, 2], "counts": [1]}],
        [{"attr": "NORM", "words": [2, 2], "counts": [1, 1]}],
        [{"attr": "NORM", "words": ["a"], "counts": [1]}],
        [{"attr": "NORM", "words": [-1], "counts": [1]}],
        {"a": 1},
        5,
    ],
    ids=repr,
)
def test_wrong_counts_are_refused(model, counts):
    with pytest.raises(ValueError, match=r"counts of words have to be those of .* NORM"):
        set_word_counts(find_counting(model), counts)


def test_weights_do_not_replace_settings_nor_what_was_counted(nlp, model):
    """As `init_tok2vec` loads them, after a component has counted."""
    settings = SETTINGS | {"hashes": 2, "attr_dropout": 0.3}
    ours = build_sum_hash_embed_v1(**settings, unk_alpha=0.25)
    embeddings = find_counting(ours)
    count_words(embeddings, [nlp.make_doc("c d")])
    retain_words(embeddings, True)
    before = dict(embeddings[0].attrs)
    for stored in (model, build_sum_hash_embed_v1(**SETTINGS).initialize()):
        ours.from_bytes(stored.to_bytes())
        assert embeddings[0].attrs == before
        expected = stored.layers[0].get_param("E")
        np.testing.assert_array_equal(embeddings[0].get_param("E"), expected)
    retain_words(embeddings, False)
    ours.from_bytes(model.to_bytes())
    assert get_word_counts(embeddings) == get_word_counts(find_counting(model))


def test_weights_of_another_size_are_refused(nlp):
    small = build_sum_hash_embed_v1(width=8, attrs=["NORM"], rows=[50]).initialize()
    large = build_sum_hash_embed_v1(**SETTINGS).from_bytes(small.to_bytes())
    with pytest.raises(ValueError, match="1001 rows by its settings, but loaded weights for 51"):
        large.predict([nlp.make_doc("a")])


@pytest.mark.parametrize("unk_alpha", [-0.1, float("inf"), float("nan")])
def test_wrong_settings_are_refused(unk_alpha):
    with pytest.raises(ValueError, match="unk_alpha is"):
        build_sum_hash_embed_v1(**SETTINGS, unk_alpha=unk_alpha)
