"""Classifiers of documents inside pipelines."""

import numpy as np
import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam, ConfigValidationError

from spacy_rnn.architectures.text_classifier import forward

SIZES = {
    "tok2vec": {"embed": {"width": 16, "rows": [200] * 4}, "encode": {"width": 16}},
    "ngram_rows": 256,
}
POOLINGS = {
    "last": {"@misc": "spacy-rnn.last_pooling.v1"},
    "mean": {"@misc": "spacy-rnn.mean_pooling.v1"},
    "max": {"@misc": "spacy-rnn.max_pooling.v1"},
    "concat": {"@misc": "spacy-rnn.concat_pooling.v1"},
    "attention": {"@misc": "spacy-rnn.attention_pooling.v1", "width": 8, "heads": 2},
    "hierarchical": {"@misc": "spacy-rnn.hierarchical_pooling.v1", "width": 8},
}
ANNOTATED = [
    ("a good book", {"GOOD": 1.0, "BAD": 0.0, "THING": 1.0}),
    ("the bad bird slept", {"GOOD": 0.0, "BAD": 1.0, "THING": 0.0}),
    ("what a good good day . yes", {"GOOD": 1.0, "BAD": 0.0, "THING": 0.0}),
    ("not a bad book", {"GOOD": 0.0, "BAD": 1.0, "THING": 1.0}),
]
TEXTS = ["a good bird", "", "  \n", "Zoë 読む книгу 🐦 .", "bad " * 300, "slept", "a bad day . no"]


def make_examples(nlp, factory="rnn_textcat"):
    """Annotate a few documents; of one class each where that has to be."""
    chosen = {"GOOD", "BAD"} if factory == "rnn_textcat" else {"GOOD", "BAD", "THING"}
    examples = []
    for text, cats in ANNOTATED:
        reference = nlp.make_doc(text)
        reference.cats = {label: value for label, value in cats.items() if label in chosen}
        examples.append(Example(nlp.make_doc(text), reference))
    return examples


def make_pipeline(factory="rnn_textcat", pooling="attention", **config):
    nlp = spacy.blank("en")
    if pooling == "hierarchical":
        nlp.add_pipe("sentencizer")
    model = {**SIZES, "pooling": POOLINGS[pooling], **config.pop("model", {})}
    nlp.add_pipe(factory, config={"model": model, **config})
    return nlp


def initialize(nlp, factory="rnn_textcat"):
    examples = make_examples(nlp, factory)
    fix_random_seed(0)
    nlp.initialize(lambda: examples)
    return examples


def test_one_class_is_scored_if_a_config_says_so():
    nlp = make_pipeline()
    nlp.config["initialize"]["components"]["rnn_textcat"] = {"positive_label": "GOOD"}
    examples = initialize(nlp)
    assert nlp.evaluate(examples)["cats_score_desc"] == "F (GOOD)"
    nlp = make_pipeline("rnn_textcat_multilabel")
    nlp.config["initialize"]["components"]["rnn_textcat_multilabel"] = {"positive_label": "GOOD"}
    with pytest.raises(ConfigValidationError, match="positive_label"):
        initialize(nlp, "rnn_textcat_multilabel")


def train(nlp, examples, steps=30, **settings):
    optimizer = Adam(0.02)
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer, **settings)
    return losses


@pytest.fixture(scope="module")
def trained():
    """A trained pipeline of each kind, to be read, not changed."""
    pipelines = {}

    def get(factory="rnn_textcat", pooling="attention"):
        if (factory, pooling) not in pipelines:
            nlp = make_pipeline(factory, pooling)
            train(nlp, initialize(nlp, factory))
            pipelines[factory, pooling] = nlp
        return pipelines[factory, pooling]

    return get


def cats_of(nlp, texts=TEXTS, **settings):
    return np.array([list(doc.cats.values()) for doc in nlp.pipe(texts, **settings)])


KINDS = [("rnn_textcat", pooling) for pooling in POOLINGS] + [
    ("rnn_textcat_multilabel", "attention")
]
each_kind = pytest.mark.parametrize(("factory", "pooling"), KINDS)


@each_kind
def test_it_learns_its_examples(trained, factory, pooling):
    nlp = trained(factory, pooling)
    examples = make_examples(nlp, factory)
    scores = nlp.evaluate(examples)
    assert scores["cats_macro_f"] == 1.0
    sums = cats_of(nlp).sum(axis=1)
    assert (sums == pytest.approx(1)) == (factory == "rnn_textcat")


@each_kind
def test_batches_do_not_matter(trained, factory, pooling):
    nlp = trained(factory, pooling)
    expected = cats_of(nlp)
    for size in (1, 2):
        np.testing.assert_allclose(cats_of(nlp, batch_size=size), expected, atol=1e-5)
    np.testing.assert_allclose(cats_of(nlp, TEXTS[::-1])[::-1], expected, atol=1e-5)


@each_kind
def test_it_comes_back(trained, factory, pooling):
    nlp = trained(factory, pooling)
    loaded = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    np.testing.assert_allclose(cats_of(loaded), cats_of(nlp), atol=1e-6)


@pytest.mark.parametrize("factory", ["textcat", "textcat_multilabel"])
def test_the_architecture_serves_stock_components(factory):
    nlp = spacy.blank("en")
    defaults = spacy.blank("en").add_pipe(factory.replace("textcat", "rnn_textcat", 1))
    exclusive = not defaults.model.attrs["multi_label"]
    model = {
        "@architectures": "spacy-rnn.TextClassifier.v1",
        "exclusive_classes": exclusive,
        "pooling": POOLINGS["concat"],
        "tok2vec": {
            "@architectures": "spacy.HashEmbedCNN.v2",
            "width": 16,
            "depth": 1,
            "embed_size": 100,
            "window_size": 1,
            "maxout_pieces": 2,
            "subword_features": True,
            "pretrained_vectors": None,
        },
    }
    nlp.add_pipe(factory, config={"model": model})
    examples = make_examples(nlp, "rnn_" + factory)
    nlp.initialize(lambda: examples)
    train(nlp, examples)
    assert nlp.evaluate(examples)["cats_macro_f"] == 1.0


def test_it_listens_to_a_shared_encoder():
    nlp = spacy.blank("en")
    encode = {"@architectures": "spacy-rnn.RecurrentEncoder.v1", "width": 96}
    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "include_static_vectors": False}
    embed |= {"width": 96, "attrs": ["NORM", "SHAPE"], "rows": [200, 200]}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    nlp.add_pipe("tok2vec", config={"model": tok2vec})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    model = {"tok2vec": listener, "ngram_size": 0, "pooling": POOLINGS["max"]}
    nlp.add_pipe("rnn_textcat", config={"model": model, "max_batch_tokens": 3})
    examples = initialize(nlp)
    train(nlp, examples, steps=10)
    assert nlp.evaluate(examples)["cats_macro_f"] == 1.0


@pytest.mark.parametrize("factory", ["rnn_textcat", "rnn_textcat_multilabel"])
def test_defaults(factory):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(factory)
    assert pipe.model.attrs["multi_label"] == (factory != "rnn_textcat")
    initialize(nlp, factory)
    assert pipe.label_data == pipe.labels
    assert set(nlp("a good book").cats) == set(pipe.labels)


def test_attention_is_written_on_demand(trained):
    nlp = trained()
    assert nlp("a good book")._.cats_attention is None
    for settings in ({"component_cfg": {"rnn_textcat": {"attention": True}}}, {}):
        nlp.get_pipe("rnn_textcat").attention = not settings
        docs = [nlp("a good book", **settings), *nlp.pipe(TEXTS, **settings)]
        nlp.get_pipe("rnn_textcat").attention = False
        for doc in docs:
            weights = doc._.cats_attention
            assert [type(weight) for weight in weights] == [float] * len(doc)
            assert sum(weights) == pytest.approx(float(len(doc) > 0), abs=1e-5)
    assert all("cats_attention" not in doc.user_data for doc in nlp.pipe(TEXTS))


def test_hierarchical_attention_sees_sentences(trained):
    nlp = trained(pooling="hierarchical")
    text = "good . a bad bird slept ."
    settings = {"component_cfg": {"rnn_textcat": {"attention": True}}}
    apart = nlp(text, **settings)
    assert len(list(apart.sents)) == 2
    with nlp.select_pipes(disable="sentencizer"):
        together = nlp(text, **settings)
    for doc in (apart, together):
        assert sum(doc._.cats_attention) == pytest.approx(1, abs=1e-5)
    assert apart.cats["GOOD"] != pytest.approx(together.cats["GOOD"], abs=1e-6)


def test_attention_of_a_pooling_without_it_is_refused(trained):
    nlp = trained(pooling="max")
    with pytest.raises(ValueError, match=r"spacy-rnn\.attention_pooling\.v1"):
        nlp("a good book", component_cfg={"rnn_textcat": {"attention": True}})


def test_words_at_once_are_bounded(trained, monkeypatch):
    pipe = trained().get_pipe("rnn_textcat")
    nlp = trained()
    docs = [nlp.make_doc(text) for text in TEXTS]
    expected = pipe.predict(docs)
    monkeypatch.setattr(pipe, "max_batch_tokens", 5)
    read = []

    def spy(model, docs, is_train):
        read.append([len(doc) for doc in docs])
        return forward(model, docs, is_train)

    monkeypatch.setattr(pipe.model, "_func", spy)
    np.testing.assert_allclose(pipe.predict(docs), expected, atol=1e-5)
    assert read == [[300], [5], [5], [3], [0, 1, 1]]


def test_a_document_of_20000_tokens(trained):
    cats = cats_of(trained(), ["a good book slept " * 5000])
    assert np.isfinite(cats).all()


def test_documents_without_classes_teach_nothing():
    nlp = make_pipeline()
    examples = initialize(nlp)
    for text in ("a good book", ""):
        doc = nlp.make_doc(text)
        examples.append(Example(doc, doc.copy()))
    pipe = nlp.get_pipe("rnn_textcat")
    scores = np.full((6, 2), 0.5, dtype="f")
    _, gradient = pipe.get_loss(examples, scores)
    assert np.abs(gradient[:4]).sum() == 4
    assert not gradient[4:].any()
    assert np.isfinite(train(nlp, examples, steps=2)["rnn_textcat"])
    assert train(nlp, examples[5:], steps=1)["rnn_textcat"] == 0.0


def test_missing_classes_of_many_teach_nothing():
    nlp = make_pipeline("rnn_textcat_multilabel")
    examples = initialize(nlp, "rnn_textcat_multilabel")
    examples[0].reference.cats = {"GOOD": 1.0}
    pipe = nlp.get_pipe("rnn_textcat_multilabel")
    _, gradient = pipe.get_loss(examples[:1], np.full((1, 3), 0.5, dtype="f"))
    assert (gradient != 0).sum() == 1


def test_label_smoothing():
    for factory, expected in (("rnn_textcat", 0.95), ("rnn_textcat_multilabel", 0.95)):
        nlp = make_pipeline(factory, label_smoothing=0.1)
        examples = initialize(nlp, factory)
        truths, _ = nlp.get_pipe(factory)._examples_to_truth(examples[:1])
        assert truths.max() == pytest.approx(expected)
        assert truths.min() == pytest.approx(0.05)


def test_a_single_class():
    nlp = make_pipeline()
    examples = make_examples(nlp)
    for example in examples:
        example.reference.cats = {"GOOD": 1.0}
    with pytest.raises(ValueError, match="E867"):
        nlp.initialize(lambda: examples)
    nlp = make_pipeline("rnn_textcat_multilabel")
    nlp.initialize(lambda: examples)
    train(nlp, examples, steps=2)
    assert list(nlp("a good book").cats) == ["GOOD"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        ({"model": {"dropout": 1.0}}, "dropout is 1.0"),
        ({"model": {"ngram_size": -1}}, "ngram_size is -1"),
        ({"model": {"ngram_rows": 0}}, "ngram_rows is 0"),
        ({"model": {"pooling": {"@misc": "spacy-rnn.attention_pooling.v1", "width": 0}}}, "width"),
    ],
)
def test_wrong_settings_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        make_pipeline(**config)


def test_attention_of_other_models_is_refused():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 1}
    nlp.add_pipe("rnn_textcat", config={"model": {**model, "no_output_layer": False}})
    initialize(nlp)
    with pytest.raises(ValueError, match="without attention"):
        nlp("a good book", component_cfg={"rnn_textcat": {"attention": True}})
