"""The language model as a spaCy component."""

import math
import pickle
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import spacy
import torch
from spacy.lang.en import English
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.util import fix_random_seed
from thinc.api import SGD, Adam, Model
from torch.nn import functional

from spacy_rnn.generation.search import BeamSearch, GreedySearch
from spacy_rnn.metrics.language_model import score_examples
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.training.bptt import create_bptt_batcher_v1

TEXTS = [
    "the cat saw the bird .",
    "the bird saw a cat .",
    "a dog slept .",
    "the dog saw the cat and slept .",
]
NEW = [*TEXTS, "", "   ", "cat", "the 読む 🐦 bird\n\nsaw . ", "the cat " * 20, "a dog", ""]
SIZES = {"embed_width": 16, "network": {"width": 16, "depth": 1}}
SMALL = {"min_count": 1, "model": SIZES}
CACHE = {"cache_size": 7, "cache_weight": 0.3, "cache_sharpness": 1.0}
UNITS = {
    "words": {},
    "subwords": {"vocab_size": 290},
    "characters": {},
    "cached": {"units": "words", "model": {**SIZES, **CACHE}},
}


def make_pipeline(name="rnn_lm", **config):
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_lm", name=name, config={**SMALL, **config})
    return nlp


def make_examples(nlp, texts=TEXTS):
    return [Example(nlp.make_doc(text), nlp.make_doc(text)) for text in texts]


def train(nlp, steps=30):
    fix_random_seed(0)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.02)
    return [nlp.update(examples, sgd=optimizer)[nlp.pipe_names[-1]] for _ in range(steps)]


def describe(docs):
    return [
        [doc._.perplexity, doc._.bits_per_char, *(token._.surprisal for token in doc)]
        for doc in docs
    ]


def assert_close(one, other, rel=1e-4):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert left == pytest.approx(right, rel=rel, abs=1e-5)


@pytest.fixture(scope="module")
def trained():
    pipelines = {}
    for units, config in UNITS.items():
        pipelines[units] = make_pipeline(**{"units": units, **config})
        train(pipelines[units])
    return pipelines


@pytest.fixture(params=UNITS)
def nlp(request, trained):
    return trained[request.param]


@pytest.fixture
def words(trained):
    return trained["words"]


# Perplexity and surprisal


def network_of(nlp):
    return nlp.get_pipe("rnn_lm").model.shims[0].network


def test_a_uniform_model_scores_the_size_of_its_vocabulary(nlp):
    nlp = make_pipeline(units=nlp.get_pipe("rnn_lm").kind, vocab_size=290)
    nlp.initialize(lambda: make_examples(nlp))
    network = network_of(nlp)
    network.embedding.weight.data.zero_()
    entries = len(nlp.get_pipe("rnn_lm").units)
    scores = nlp.evaluate(make_examples(nlp, NEW))
    assert scores["rnn_lm_token_perplexity"] == pytest.approx(entries, rel=1e-4)
    for doc in nlp.pipe(NEW):
        pieces = len(nlp.get_pipe("rnn_lm").units.encode(doc)) + 1
        bits = pieces * math.log2(entries)
        assert doc._.bits_per_char == pytest.approx(bits / (len(doc.text) + 1), rel=1e-4)
        assert math.log2(doc._.perplexity) == pytest.approx(bits / (len(doc) + 1), rel=1e-4)
        surprisal = sum(token._.surprisal for token in doc)
        assert surprisal == pytest.approx(bits * (pieces - 1) / pieces, rel=1e-4)


def test_a_table_of_bigrams_on_its_own_text():
    """A network that is such a table, by hand, comes to what counting comes to."""
    nlp = make_pipeline(
        model={
            "embed_width": 12,
            "network": {"width": 12, "depth": 1, "cell": "rnn_relu"},
            "tied_softmax": False,
        }
    )
    nlp.initialize(lambda: make_examples(nlp))
    units, network = nlp.get_pipe("rnn_lm").units, network_of(nlp)
    rows = [[2, *units.encode(nlp.make_doc(text)).tolist(), 2] for text in TEXTS]
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    before = Counter(piece for row in rows for piece in row[:-1])
    size = len(units)
    assert size <= 12
    table = torch.full((size, 12), -1e4)
    for (first, second), count in pairs.items():
        table[second, first] = math.log(count / before[first])
    (layer,) = network.network.layers
    for parameter in network.parameters():
        parameter.data.zero_()
    network.embedding.weight.data.copy_(torch.eye(size, 12))
    layer.weight_ih.data.copy_(torch.eye(12))
    network.output.data.copy_(table)
    total = -sum(n * math.log(n / before[first]) for (first, _), n in pairs.items())
    expected = math.exp(total / sum(pairs.values()))
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["rnn_lm_word_perplexity"] == pytest.approx(expected, rel=1e-5)
    assert scores["rnn_lm_inverse_perplexity"] == pytest.approx(1 / expected, rel=1e-5)


@pytest.mark.parametrize("max_batch_tokens", [3, 100_000])
def test_no_cut_changes_a_score(nlp, max_batch_tokens):
    component = nlp.get_pipe("rnn_lm")
    expected = describe(nlp.pipe(NEW))
    assert np.isfinite(np.concatenate(expected)).all()
    before, component.max_batch_tokens = component.max_batch_tokens, max_batch_tokens
    try:
        assert_close(describe(nlp.pipe(NEW, batch_size=3)), expected)
        assert_close(describe(nlp.pipe(NEW[::-1]))[::-1], expected)
        assert_close([describe([nlp(text)])[0] for text in NEW], expected)
    finally:
        component.max_batch_tokens = before


@pytest.mark.parametrize(("units", "expected"), [("words", [40]), ("cached", [32, 8])])
def test_short_texts_beside_each_other_are_bounded_by_their_caches(
    trained, units, expected, monkeypatch
):
    component = trained[units].get_pipe("rnn_lm")
    sizes = []
    predict = Model.predict
    monkeypatch.setattr(Model, "predict", lambda self, X: sizes.append(len(X)) or predict(self, X))
    monkeypatch.setattr(component, "max_batch_tokens", 100)
    component.predict([trained[units].make_doc("cat") for _ in range(40)])
    assert sizes == expected


def test_the_end_counts(words):
    component = words.get_pipe("rnn_lm")
    ((bits, _),) = component.predict([words.make_doc(TEXTS[0])])
    doc = words(TEXTS[0])
    assert len(bits) == len(doc) + 1
    assert bits.sum() == pytest.approx((len(doc) + 1) * math.log2(doc._.perplexity))
    assert [token._.surprisal for token in doc] == pytest.approx(bits[:-1].tolist())


def test_backward_is_forward_on_texts_turned_round():
    turned = [" ".join(reversed(text.split())) for text in TEXTS]
    forward, backward = make_pipeline(), make_pipeline(direction="backward")
    for nlp, texts in ((forward, turned), (backward, TEXTS)):
        fix_random_seed(0)
        nlp.initialize(lambda nlp=nlp, texts=texts: make_examples(nlp, texts))
        for _ in range(3):
            nlp.update(make_examples(nlp, texts), sgd=SGD(0.5, use_averages=False))
    one = describe(forward.pipe(turned))
    other = describe(backward.pipe(TEXTS))
    assert_close([[*row[:2], *row[:1:-1]] for row in one], other)


def test_two_models_in_one_pipeline():
    nlp = make_pipeline()
    nlp.add_pipe(
        "rnn_lm", name="other", config={**SMALL, "attr_prefix": "other_", "units": "characters"}
    )
    nlp.initialize(lambda: make_examples(nlp))
    doc = nlp(TEXTS[0])
    assert doc._.perplexity != doc._.other_perplexity
    assert doc[0]._.surprisal != doc[0]._.other_surprisal
    assert {"rnn_lm_word_perplexity", "other_word_perplexity"} <= nlp.evaluate(
        make_examples(nlp)
    ).keys()


def count_calls(monkeypatch, target, name):
    calls = []
    method = getattr(target, name)

    def counted(self, *args, **kwargs):
        calls.append(args)
        return method(self, *args, **kwargs)

    monkeypatch.setattr(target, name, counted)
    return calls


def test_each_document_is_encoded_once(nlp, monkeypatch):
    calls = count_calls(monkeypatch, type(nlp.get_pipe("rnn_lm").units), "encode")
    nlp.evaluate(make_examples(nlp, NEW))
    assert len(calls) == len(NEW)


@pytest.mark.parametrize("way", ["bytes", "DocBin", "processes"])
def test_scores_need_nothing_but_the_documents(nlp, way):
    """Whoever scores them, wherever they were annotated."""
    expected = nlp.evaluate(make_examples(nlp, NEW))
    if way == "processes":
        docs = list(nlp.pipe(NEW, n_process=2, batch_size=4))
    else:
        docs = list(nlp.pipe(NEW))
    if way == "bytes":
        docs = [Doc(nlp.vocab).from_bytes(doc.to_bytes()) for doc in docs]
    elif way == "DocBin":
        stored = DocBin(store_user_data=True, docs=docs).to_bytes()
        docs = list(DocBin().from_bytes(stored).get_docs(nlp.vocab))
    examples = [Example(doc, nlp.make_doc(text)) for doc, text in zip(docs, NEW, strict=True)]
    scores = score_examples(examples)
    assert len(scores) == 4
    for name, score in scores.items():
        assert score == pytest.approx(expected[f"rnn_lm_{name}"], rel=1e-6)


def test_documents_that_were_not_read_do_not_count(nlp):
    assert score_examples(make_examples(nlp)) == {}


# Training


def test_it_learns(trained):
    nlp = make_pipeline()
    losses = train(nlp, steps=80)
    encode = nlp.get_pipe("rnn_lm").units.encode
    pieces = sum(len(encode(example.x)) + 1 for example in make_examples(nlp))
    assert losses[-1] / pieces < 0.6 < 2 < losses[0] / pieces


def plain_loss(network, stream, state):
    """The loss of one lane's chunk as PyTorch users write it."""
    embedded = functional.embedding(stream[:-1], network.embedding.weight)[:, None]
    lstm = torch.nn.LSTM(16, 16)
    for name, parameter in zip(
        ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
        network.network.layers[0].parameters(),
        strict=True,
    ):
        lstm._parameters[name] = parameter
    hidden, state = torch.func.functional_call(lstm, dict(lstm._parameters), (embedded, state))
    scores = hidden[:, 0] @ network.embedding.weight.T + network.output_bias
    return functional.cross_entropy(scores, stream[1:], reduction="sum"), state


@pytest.mark.parametrize("accumulate", [1, 2])
def test_lanes_carry_the_state_but_not_the_gradient(accumulate):
    """Against plain PyTorch over the same lanes, step by step, with the same optimizer."""
    nlp = make_pipeline(reset="never")
    fix_random_seed(0)
    examples = make_examples(nlp, TEXTS * 2)
    nlp.initialize(lambda: examples)
    component, network = nlp.get_pipe("rnn_lm"), network_of(nlp)
    stream = [piece for each in examples for piece in (*component.units.encode(each.x), 2)]
    assert len(stream) % 2 == 0
    half = len(stream) // 2
    lanes = [torch.tensor([2, *stream[:half]]), torch.tensor([2, *stream[half:]])]
    states = [None, None]
    for step, batch in enumerate(create_bptt_batcher_v1(2, 5, random_length=False)(examples)):
        losses = {}
        for part in (batch,) if accumulate == 1 else (batch[1:], batch[:1]):
            component.update(part, losses=losses)
        grads = {name: each.grad.clone() for name, each in network.named_parameters()}
        network.zero_grad(set_to_none=True)
        total = 0.0
        for lane in range(2):
            chunk = lanes[lane][5 * step : 5 * step + 6]
            loss, state = plain_loss(network, chunk, states[lane])
            states[lane] = tuple(each.detach() for each in state)
            total = total + loss
        pieces = sum(len(lane[5 * step : 5 * step + 6]) - 1 for lane in lanes)
        total.backward()
        for name, value in network.named_parameters():
            torch.testing.assert_close(grads[name], value.grad, atol=1e-5, rtol=1e-4)
            value.data -= 0.5 * value.grad / pieces
        network.zero_grad(set_to_none=True)
        assert losses["rnn_lm"] == pytest.approx(total.item(), rel=1e-4)


def test_lanes_that_begin_anew_at_each_document_learn_as_documents_do():
    results = []
    for batches in (lambda ex: [ex], create_bptt_batcher_v1(1, 1000, random_length=False)):
        nlp = make_pipeline()
        fix_random_seed(0)
        examples = make_examples(nlp)
        nlp.initialize(lambda examples=examples: examples)
        for batch in batches(examples):
            nlp.update(batch, sgd=SGD(0.5, use_averages=False))
        results.append(describe(nlp.pipe(TEXTS)))
    assert_close(*results)


def test_a_gradient_reaches_back_no_further_than_set():
    grads = {}
    for max_bptt in (3, 100):
        nlp = make_pipeline(max_bptt=max_bptt)
        fix_random_seed(0)
        examples = make_examples(nlp)
        nlp.initialize(lambda examples=examples: examples)
        losses = nlp.get_pipe("rnn_lm").update(examples)
        grads[max_bptt] = losses, network_of(nlp).network.layers[0].weight_hh.grad
    assert grads[3][0]["rnn_lm"] == pytest.approx(grads[100][0]["rnn_lm"], rel=1e-5)
    assert (grads[3][1] - grads[100][1]).abs().max() > 1e-4


def test_it_trains_by_config(root, tmp_path, run_python):
    nlp = spacy.blank("en")
    DocBin(docs=[nlp(text) for text in TEXTS]).to_disk(tmp_path / "texts.spacy")
    arguments = {
        "output": "out",
        "paths.train": "texts.spacy",
        "paths.dev": "texts.spacy",
        "paths.log": "log.jsonl",
        "training.max_steps": 6,
        "training.eval_frequency": 3,
        "training.max_epochs": -1,
        "components.rnn_lm.min_count": 1,
        "components.rnn_lm.model.embed_width": 16,
        "components.rnn_lm.model.network.width": 16,
    }
    options = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    output = run_python("-m", "spacy", "train", root / "configs" / "lm.cfg", *options)
    assert " WORD_PERPLEXITY" in output
    trained = spacy.load(tmp_path / "out" / "model-best")
    scores = trained.evaluate(list(Corpus(tmp_path / "texts.spacy")(trained)))
    best = trained.meta["performance"]["rnn_lm_word_perplexity"]
    assert 1 < best < len(trained.get_pipe("rnn_lm").units) * 1.5
    assert scores["rnn_lm_word_perplexity"] == pytest.approx(best, rel=1e-3)


# Storage


@pytest.mark.parametrize("way", ["bytes", "disk", "pickle", "source"])
def test_it_survives_storage(nlp, way, tmp_path):
    component = nlp.get_pipe("rnn_lm")
    if way == "bytes":
        copy = English.from_config(nlp.config).from_bytes(nlp.to_bytes())
    elif way == "disk":
        nlp.to_disk(tmp_path)
        copy = spacy.load(tmp_path)
    elif way == "pickle":
        copy = pickle.loads(pickle.dumps(nlp))
    else:
        copy = spacy.blank("en")
        copy.add_pipe("rnn_lm", source=nlp)
    assert_close(describe(copy.pipe(NEW)), describe(nlp.pipe(NEW)), rel=1e-6)
    again = copy.get_pipe("rnn_lm").generate("the", seed=1)
    assert again == component.generate("the", seed=1)


def test_labels_are_the_vocabulary(nlp):
    component = nlp.get_pipe("rnn_lm")
    other = make_pipeline(units=component.kind)
    other.get_pipe("rnn_lm").initialize(lambda: iter(()), labels=component.label_data)
    assert other.get_pipe("rnn_lm").units.to_bytes() == component.units.to_bytes()


def test_two_processes_score_the_same(words):
    assert_close(describe(words.pipe(NEW, n_process=2, batch_size=4)), describe(words.pipe(NEW)))


def test_the_vocabulary_has_to_be_that_of_the_weights(words, trained):
    copy = pickle.loads(pickle.dumps(words))
    component = copy.get_pipe("rnn_lm")
    component.model.attrs["units"] = trained["characters"].get_pipe("rnn_lm").model.attrs["units"]
    with pytest.raises(ValueError, match=r"predicts words and has weights for"):
        copy("the cat")


def test_white_space_is_not_the_word_behind_it(trained):
    doc = trained["subwords"](" the cat")
    assert [token._.surprisal > 0 for token in doc] == [True, True, True]
    with_space = trained["subwords"].get_pipe("rnn_lm").predict([doc])[0].bits
    assert sum(token._.surprisal for token in doc) == pytest.approx(with_space[:-1].sum())


def test_one_bad_document_costs_the_others_nothing(words, monkeypatch):
    component = words.get_pipe("rnn_lm")
    predict = component.predict

    def fail(docs):
        if any(doc.text == "cat" for doc in docs):
            raise ValueError("bad")
        return predict(docs)

    failed = []
    monkeypatch.setattr(component, "predict", fail)
    component.set_error_handler(lambda name, pipe, docs, error: failed.extend(docs))
    assert len(list(component.pipe(words.make_doc(text) for text in NEW))) == len(NEW) - 1
    component.set_error_handler(spacy.util.raise_error)
    assert [doc.text for doc in failed] == ["cat"]


def test_two_models_do_not_write_to_one_place():
    nlp = make_pipeline()
    with pytest.raises(ValueError, match="give one of them another attr_prefix"):
        nlp.add_pipe("rnn_lm", name="other", config=SMALL)


def test_scores_of_another_name_have_to_be_weighted():
    nlp = make_pipeline(name="lm")
    with pytest.warns(UserWarning, match=r"set lm_inverse_perplexity = 1\.0"):
        nlp.initialize(lambda: make_examples(nlp))


# Generation


def test_a_prompt_comes_back_as_it_was(nlp):
    for prompt in ("the zebra", "the zebra "):
        (found,) = nlp.get_pipe("rnn_lm").generate(prompt, max_new_tokens=3, seed=0)
        assert found["text"].startswith("the zebra")
        assert "  " not in found["text"]


def test_no_temperature_is_too_low(words):
    component = words.get_pipe("rnn_lm")
    low, none = (component.generate("the", temperature=each, seed=0) for each in (1e-310, 0))
    assert low == none


def test_generated_texts_go_on_and_are_scored(nlp):
    component = nlp.get_pipe("rnn_lm")
    prompt = "the cat"
    found = component.generate(
        prompt, num_return_sequences=4, seed=0, temperature=2.0, max_new_tokens=8
    )
    assert len(found) == 4
    assert [each["score"] for each in found] == sorted((e["score"] for e in found), reverse=True)
    ((prompt_bits, _),) = component.predict([nlp.make_doc(prompt)])
    for each in found:
        assert each["text"].startswith(prompt)
        assert len(each["pieces"]) <= 8
        assert each["score"] == pytest.approx(sum(each["piece_scores"]))
    if component.kind != "subwords":  # Which may be cut in more than one way.
        for each in found:
            ((bits, _),) = component.predict([nlp.make_doc(each["text"])])
            written = (bits.sum() - prompt_bits[:-1].sum()) * math.log(2)
            assert each["score"] == pytest.approx(-written, abs=1e-3)


def test_generation_is_batched_and_repeatable(nlp):
    component = nlp.get_pipe("rnn_lm")
    prompts = ["the", "", "a dog saw", "the " * 20]
    together = component.generate(prompts, seed=5, num_return_sequences=2)
    assert together == component.generate(prompts, seed=5, num_return_sequences=2)
    alone = [component.generate(prompt, seed=5, num_return_sequences=2) for prompt in prompts]
    assert [[e["text"] for e in row] for row in together] == [
        [e["text"] for e in row] for row in alone
    ]
    assert component.generate(nlp.make_doc("the"), seed=5, num_return_sequences=2) == alone[0]


def test_without_temperature_it_is_greedy(words):
    component = words.get_pipe("rnn_lm")
    expected = component.generate("the", search=GreedySearch())
    assert component.generate("the", temperature=0) == expected
    assert component.generate("the", top_k=1) == expected
    (best, *_) = component.generate("the", search=BeamSearch(beam_width=8), num_return_sequences=3)
    assert best["score"] >= expected[0]["score"] - 1e-5


def test_repetitions_can_be_banned(words):
    found = words.get_pipe("rnn_lm").generate(
        "the",
        temperature=5.0,
        no_repeat_ngram_size=1,
        repetition_penalty=2.0,
        seed=0,
        max_new_tokens=9,
    )
    assert len(set(found[0]["pieces"])) == len(found[0]["pieces"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature is -1"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0}, "top_p is 0"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"num_return_sequences": 0}, "samples is 0"),
        ({"repetition_penalty": 0.5}, "repetition_penalty is 0.5"),
        ({"width": 3}, 'no setting "width"'),
        ({"prompt": 7}, "not 7"),
    ],
)
def test_what_cannot_be_generated(words, settings, message):
    with pytest.raises(ValueError, match=message):
        words.get_pipe("rnn_lm").generate(**settings)


# Streams


def feed(stream, nlp, text):
    parts = text if nlp.get_pipe("rnn_lm").kind == "characters" else text.split()
    return [stream.feed(part) for part in parts]


def test_a_stream_is_the_whole_text(nlp):
    component = nlp.get_pipe("rnn_lm")
    text = "the cat saw the bird . " * 5 + "a dog slept ."
    ((bits, _),) = component.predict([nlp.make_doc(text)])
    with component.stream() as stream:
        found = feed(stream, nlp, text)
        assert sum(found) == pytest.approx(bits[:-1].sum(), abs=1e-3)
        if component.kind != "subwords":
            assert found == pytest.approx(bits[:-1].tolist(), abs=1e-4)
        assert stream.end() == pytest.approx(bits[-1], abs=1e-4)
        assert sum(feed(stream, nlp, text)) == pytest.approx(sum(found), abs=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_a_stream_of_any_cell_is_the_whole_text(cell):
    """With a cache beside the network."""
    network = {"width": 16, "depth": 2, "cell": cell}
    nlp = make_pipeline(units="words", model={"embed_width": 16, "network": network, **CACHE})
    train(nlp, 5)
    test_a_stream_is_the_whole_text(nlp)


def test_tokens_are_fed_with_the_space_before_them(nlp):
    component = nlp.get_pipe("rnn_lm")
    doc = nlp("the cat, again saw a dog")
    with component.stream() as stream:
        for token in doc:
            if component.kind == "subwords" and token.text == ",":
                with pytest.raises(ValueError, match="goes on from 'cat'"):
                    stream.feed(token)
                return
            assert stream.feed(token) == pytest.approx(token._.surprisal, abs=1e-4)


def test_a_stream_says_what_may_come(words):
    with words.get_pipe("rnn_lm").stream() as stream:
        stream.feed("a")
        probabilities = stream.probabilities()
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)
        (word, probability), *_ = stream.top_k(3)
        assert probability == pytest.approx(probabilities.max())
        assert stream.feed(word) == pytest.approx(-math.log2(probability))
        assert len(stream.top_k(1000)) == len(probabilities)


@pytest.mark.parametrize("units", ["words", "cached"])
def test_streams_stand_side_by_side_and_are_stored(trained, units):
    component = trained[units].get_pipe("rnn_lm")
    with component.stream() as one, component.stream() as other:
        one.feed("the")
        other.feed("a")
        stored = one.to_bytes()
        expected = [one.feed("cat"), one.feed("saw")]
        assert other.feed("cat") != expected[0]
        assert len(other.to_bytes()) == len(stored)
    with component.stream(stored) as again:
        assert [again.feed("cat"), again.feed("saw")] == expected
    for read in (lambda: again.feed(""), again.top_k, again.probabilities):
        with pytest.raises(ValueError, match="stream is closed"):
            read()


def test_states_of_others_are_refused(words):
    other = make_pipeline(model={**SIZES, "network": {"width": 8, "depth": 1}})
    other.initialize(lambda: make_examples(other))
    with other.get_pipe("rnn_lm").stream() as stream:
        stored = stream.to_bytes()
    component = words.get_pipe("rnn_lm")
    with pytest.raises(ValueError, match="state of another model"), component.stream(stored):
        pass
    with pytest.raises(ValueError, match="no state of a stream"), component.stream(b"nothing"):
        pass


# Settings


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"units": "letters"}, 'units is "letters"'),
        ({"direction": "both"}, 'direction is "both"'),
        ({"reset": "always"}, 'reset is "always"'),
        ({"max_bptt": 0}, "max_bptt is 0"),
        ({"max_batch_tokens": 0}, "max_batch_tokens is 0"),
        ({"min_count": 0}, "min_count is 0"),
        ({"model": {"network": {"bidirectional": True}}}, "would see the piece that it is to"),
        ({"model": {"cutoffs": [10]}}, "cannot be tied"),
    ],
)
def test_settings_out_of_bounds(config, message):
    with pytest.raises(ValueError, match=message):
        make_pipeline(**config)


def test_what_a_backward_model_cannot_do():
    nlp = make_pipeline(direction="backward")
    nlp.initialize(lambda: make_examples(nlp))
    component = nlp.get_pipe("rnn_lm")
    with pytest.raises(ValueError, match="cannot generate"):
        component.generate("the")
    with pytest.raises(ValueError, match="cannot stream"), component.stream():
        pass
    (batch, *_) = create_bptt_batcher_v1(2, 5)(make_examples(nlp))
    with pytest.raises(ValueError, match="cannot learn from streams"):
        nlp.update(batch)


def test_nothing_works_before_there_is_a_vocabulary():
    with pytest.raises(ValueError, match="no vocabulary yet"):
        make_pipeline()("the cat")
