"""What a translator learns from."""

from importlib.metadata import entry_points
from inspect import signature

import numpy as np
import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.training import Corpus, Example
from spacy.util import fix_random_seed, registry
from thinc.api import Adam
from toy_translator import (
    SMALL,
    TEXTS,
    make_examples,
    make_pipeline,
    make_texts,
    train,
    translations,
)

from spacy_rnn.pipeline.translator.passages import split_passages


def test_it_learns_its_examples(trained):
    nlp, examples, losses = trained
    encode = nlp.get_pipe("rnn_translator").target_subwords.encode
    pieces = sum(len(text) + 1 for text in encode([target for _, target in make_texts()]))
    assert losses[-1] / pieces < 0.1 < losses[0] / pieces
    scores = nlp.evaluate(examples)
    assert scores["rnn_translator_bleu"] > 95
    assert 1 < scores["rnn_translator_token_perplexity"] < 1.2
    assert scores["rnn_translator_token_perplexity"] < scores["rnn_translator_word_perplexity"]
    assert "tok:13a" in scores["rnn_translator_bleu_signature"]


def test_two_translators_live_in_one_pipeline():
    nlp = make_pipeline()
    make_pipeline({**SMALL, "attr": "english"}, "to_english", nlp)
    fix_random_seed(0)
    examples = make_examples(nlp)
    for example in examples:
        example.reference._.english = example.reference._.translation[::-1]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(200):
        nlp.update(examples, sgd=optimizer)
    scores = nlp.evaluate(examples)
    assert scores["rnn_translator_bleu"] > 80
    assert scores["to_english_bleu"] > 80
    doc = nlp(TEXTS[0])
    assert (doc._.translation, doc._.english) == ("three two one", "eno owt eerht")


def test_tokens_can_be_the_source():
    """An encoder of spaCy tokens, shared by a listener, instead of subwords."""
    nlp = spacy.blank("de")
    tok2vec = {
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 32,
            "attrs": ["NORM"],
            "rows": [200],
            "include_static_vectors": False,
        },
        "encode": {
            "@architectures": "spacy-rnn.BiLSTMEncoder.v1",
            "width": 32,
            "depth": 1,
            "dropout": 0.0,
        },
    }
    nlp.add_pipe("tok2vec", config={"model": {"@architectures": "spacy.Tok2Vec.v2", **tok2vec}})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    config = {
        "vocab_size": 285,
        "model": {
            "@architectures": "spacy-rnn.Seq2Seq.v1",
            "encoder": listener,
            "attention": {"@misc": "spacy-rnn.general_attention.v1"},
            "decoder": {**SMALL["model"]["decoder"], "@misc": "spacy-rnn.recurrent_decoder.v1"},
        },
    }
    nlp.add_pipe("rnn_translator", config=config)
    examples, losses = train(nlp, 250)
    assert losses[-1] < 0.5 * losses[0]
    assert nlp.evaluate(examples)["rnn_translator_bleu"] > 80
    copy = spacy.blank("de").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert translations(copy) == translations(nlp)
    # A space at the end takes nothing from the tokens, nor does a sentence behind them.
    assert translations(nlp, [f"{TEXTS[0]} "]) == [f"{translations(nlp)[0]} "]
    doc = nlp.make_doc("eins zwei drei vier ")
    doc[3].is_sent_start = True
    (doc,) = nlp.pipe([doc])
    sources = [passage.source for passage in split_passages([doc])]
    assert [len(source) for source in sources] == [3, 1]
    assert np.array_equal(np.vstack([source.tensor for source in sources]), doc.tensor)
    looked_at = set()
    for doc in nlp.pipe(TEXTS):
        (best,) = doc._.translations
        for position in [position for each in best["alignment"] for position in each["source"]]:
            token = doc[position["token"]]
            assert (position["start"], position["end"]) == (token.idx, token.idx + len(token))
            looked_at.add(token.i)
    assert looked_at == {0, 1, 2, 3}


ATTENTIONS = [
    point.name
    for point in entry_points(group="spacy_misc")
    if point.name.startswith("spacy-rnn.") and "_attention." in point.name
]


def test_there_are_several_attentions():
    assert len(ATTENTIONS) >= 5


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_each_attention_learns_and_travels(attention):
    settings = (
        {"width": 32} if "width" in signature(registry.misc.get(attention)).parameters else {}
    )
    model = {**SMALL["model"], "@architectures": "spacy-rnn.Seq2Seq.v1"}
    model["encoder"] = {**model["encoder"], "@misc": "spacy-rnn.subword_encoder.v1"}
    model["decoder"] = {**model["decoder"], "@misc": "spacy-rnn.recurrent_decoder.v1"}
    model["attention"] = {"@misc": attention, **settings}
    nlp = make_pipeline({**SMALL, "model": model})
    _, losses = train(nlp, steps=25)
    assert losses[-1] < 0.7 * losses[0]
    copy = spacy.blank("de").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert translations(copy) == translations(nlp)
    weights = [
        position["weight"]
        for each in nlp(TEXTS[0])._.translations[0]["alignment"]
        for position in each["source"]
    ]
    assert weights
    assert all(0 < weight <= 1 for weight in weights)


def test_several_references_count_and_travel(nlp, tmp_path):
    docs = DocBin(store_user_data=True)
    for source, target in make_texts():
        doc = nlp.make_doc(source)
        doc._.translation = ["something else", target]
        docs.add(doc)
    docs.to_disk(tmp_path / "dev.spacy")
    examples = list(Corpus(tmp_path / "dev.spacy")(nlp))
    scores = nlp.evaluate(examples)
    assert scores["rnn_translator_bleu"] > 95
    assert "nrefs:2" in scores["rnn_translator_bleu_signature"]


def test_vocabularies_are_labels(nlp):
    translator = nlp.get_pipe("rnn_translator")
    data = srsly.json_loads(srsly.json_dumps(translator.label_data))
    other = make_pipeline()
    other.get_pipe("rnn_translator").initialize(
        lambda: make_examples(other), nlp=other, labels=data
    )
    assert other.get_pipe("rnn_translator").target_subwords == translator.target_subwords
    assert other.get_pipe("rnn_translator").source_subwords == translator.source_subwords


def test_separate_vocabularies():
    nlp = make_pipeline({**SMALL, "shared_vocab": False, "vocab_size": 275})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    translator = nlp.get_pipe("rnn_translator")
    assert translator.source_subwords != translator.target_subwords
    nlp.update(examples, sgd=Adam(0.001))


def test_sampling_follows_the_seed_and_the_config():
    config = {**SMALL, "subword_sampling": 0.3}
    nlp = make_pipeline(config)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    plain = make_pipeline().from_bytes(nlp.to_bytes())
    copy = make_pipeline(config).from_bytes(plain.to_bytes())

    def loss(nlp, seed):
        fix_random_seed(seed)
        return nlp.update(examples, sgd=False)["rnn_translator"]

    assert loss(nlp, 0) == loss(copy, 0)
    assert loss(nlp, 0) != loss(nlp, 1)
    assert loss(plain, 0) == loss(plain, 1) != loss(nlp, 0)


@pytest.mark.parametrize(
    ("multiple", "breaks", "expected"),
    [(0, 0, (1, False)), (19, 19, (1, False)), (20, 0, (3, False)), (200, 200, (3, True))],
)
def test_sentences_in_a_passage_are_those_of_the_sources(multiple, breaks, expected, tmp_path):
    nlp = spacy.blank("de")
    nlp.add_pipe("rnn_translator", config=SMALL)
    examples = []
    for number, (source, target) in enumerate(make_texts() * 8):
        space = "\n" if number < breaks else " "
        text = space.join([f"{source}."] * 3) if number < multiple else source
        reference = nlp.make_doc(text)
        reference._.translation = target
        examples.append(Example(nlp.make_doc(text), reference))
    examples = examples[:200]
    assert len(examples) == 200
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path)
    cfg = spacy.load(tmp_path).get_pipe("rnn_translator").cfg
    assert (cfg["max_sentences"], cfg["line_breaks"]) == expected
    sources = sum(len(example.reference.text) for example in examples)
    targets = sum(len(example.reference._.translation) for example in examples)
    assert cfg["length_ratio"] == pytest.approx(targets / sources, abs=1e-4)


def test_initialize_without_translations_says_what_is_missing():
    nlp = make_pipeline()
    examples = [Example(nlp.make_doc("eins"), nlp.make_doc("eins"))]
    with pytest.raises(ValueError, match=r"No example has a translation in reference\._\."):
        nlp.initialize(lambda: examples)


def test_examples_without_translations_are_passed_over(nlp):
    copy = make_pipeline().from_bytes(nlp.to_bytes())
    plain = [Example(copy.make_doc("eins"), copy.make_doc("eins"))]
    assert copy.update(plain, sgd=Adam(0.01)) == {"rnn_translator": 0.0}
    assert "rnn_translator_bleu" not in copy.evaluate(plain)


def test_accumulated_gradients_make_one_step(nlp):
    copy = make_pipeline().from_bytes(nlp.to_bytes())
    examples = make_examples(copy)
    translator = copy.get_pipe("rnn_translator")
    before = translator.model.shims[0].to_bytes()
    translator.update(examples[:10])
    assert translator.model.shims[0].to_bytes() == before
    translator.finish_update(Adam(0.01))
    assert translator.model.shims[0].to_bytes() != before
