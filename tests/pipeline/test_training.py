"""Training by a config: what each setting of the training loop does to the encoders."""

import numpy as np
import pytest
import spacy
from spacy.cli.train import train as train_by_config
from spacy.pipeline.tagger import tagger_score
from spacy.training.initialize import init_nlp
from spacy.training.pretrain import pretrain
from stock_pipelines import (
    BILSTM,
    ENCODERS,
    TEXTS,
    assert_equal_weights,
    assert_same,
    copy_pipeline,
    find_tok2vec,
    initialize,
    make_examples,
    make_pipeline,
    predict,
    pretrained_weights,
    pretraining,
    train,
    weights,
    write_config,
)
from thinc.api import Adam

each_encoder = pytest.mark.parametrize("encoder", ENCODERS)


@pytest.fixture
def run_training(tmp_path):
    """Train a pipeline as `spacy train` does and load what was stored in the end."""

    def run(nlp, training, sources=None, **sections):
        path = write_config(nlp, tmp_path, {"training": training, **sections}, sources)
        train_by_config(path, tmp_path / "output")
        return spacy.load(tmp_path / "output" / "model-last")

    return run


@pytest.mark.parametrize(
    ("frozen", "how"),
    [
        pytest.param("tok2vec", {}, id="tok2vec"),
        pytest.param("tagger", {"replace_listeners": ["model.tok2vec"]}, id="tagger"),
    ],
)
@each_encoder
def test_frozen_components_keep_their_weights(run_training, stored, encoder, frozen, how):
    """Of a shared encoder, or of a listener's own copy of it; the rest is trained."""
    source = stored(encoder, "shared")
    nlp = run_training(
        make_pipeline([frozen, "ner"], ENCODERS[encoder]),
        {"frozen_components": [frozen], "annotating_components": [frozen]},
        sources={frozen: {"source": str(source), **how}},
    )
    before = weights(spacy.load(source).get_pipe("tok2vec").model)
    assert_equal_weights(weights(nlp.get_pipe(frozen).model), before)
    assert nlp.evaluate(make_examples(nlp))["ents_f"] > 0.7


@each_encoder
def test_annotating_does_not_disturb_the_step(monkeypatch, encoder):
    """The component predicts for the next one, between its gradients and its step."""
    nlp = make_pipeline(["tagger", "morphologizer"], ENCODERS[encoder])
    train(nlp, initialize(nlp), steps=10)
    twin = copy_pipeline(nlp)
    examples = make_examples(nlp)
    expected = [[word.tag_ for word in nlp(example.text)] for example in examples]
    seen = []
    update = nlp.get_pipe("morphologizer").update

    def record_and_update(examples, **settings):
        seen.extend([word.tag_ for word in example.predicted] for example in examples)
        return update(examples, **settings)

    monkeypatch.setattr(nlp.get_pipe("morphologizer"), "update", record_and_update)
    nlp.update(examples, sgd=False, annotates=["tagger"])
    twin.update(make_examples(twin), sgd=False)
    assert seen == expected
    models = [each.get_pipe("tagger").model for each in (nlp, twin)]
    for model in models:
        model.finish_update(Adam(0.01))
    assert_equal_weights(*map(weights, models))


@pytest.mark.parametrize("annotating", [[], ["tok2vec"], ["tagger"]])
@each_encoder
def test_accumulated_gradients_equal_one_batch(run_training, encoder, annotating):
    """The loss of a tagger is a sum: its gradients add up over the parts of a batch."""
    at_once, in_parts = (
        run_training(
            make_pipeline(["tok2vec", "tagger"], ENCODERS[encoder]),
            {"accumulate_gradient": parts, "annotating_components": annotating, "max_steps": 4},
        )
        for parts in (1, 3)
    )
    assert_same(predict(in_parts, TEXTS), predict(at_once, TEXTS))


@each_encoder
def test_a_step_uses_up_its_gradients(encoder):
    nlp = make_pipeline(["tagger"], ENCODERS[encoder])
    train(nlp, initialize(nlp), steps=1)
    model = nlp.get_pipe("tagger").model
    before = weights(model)
    model.finish_update(Adam(0.01))
    assert_equal_weights(weights(model), before)


# What follows `training.dropout`, and what has rates of its own.
NOISY = {**ENCODERS["recurrent"], "dropout_output": 0.5, "word_dropout": 0.5, "weight_drop": 0.5}


@pytest.mark.parametrize("encoder", [*ENCODERS.values(), NOISY], ids=[*ENCODERS, "noisy"])
def test_dropout_is_in_training_alone(encoder):
    nlp = make_pipeline(["tagger"], encoder)
    train(nlp, initialize(nlp), steps=1, drop=0.5)
    tok2vec = find_tok2vec(nlp)
    words = tok2vec.get_ref("embed").predict([nlp.make_doc(text) for text in TEXTS])
    encode = tok2vec.get_ref("encode")
    (one, *_), (other, *_) = (encode.begin_update(words)[0] for _ in "12")
    assert not np.allclose(one, other)
    (one, *_), (other, *_) = (encode.predict(words) for _ in "12")
    assert np.array_equal(one, other)


@pytest.fixture
def recorder():
    """What the config can name to record weights after each step, and evaluated tensors."""

    class Recorder:
        def __init__(self):
            self.weights = []
            self.tensors = []

        def make_logger(self):
            def set_up(nlp, stdout, stderr):
                tok2vec = nlp.get_pipe("tok2vec").model
                return lambda info: self.weights.append(weights(tok2vec)), lambda: None

            return set_up

        def make_scorer(self):
            def score(examples, **kwargs):
                self.tensors = [example.predicted.tensor for example in examples]
                return tagger_score(examples, **kwargs)

            return score

    recorder = Recorder()
    spacy.registry.loggers.register("test-recorder.v1", func=recorder.make_logger)
    spacy.registry.scorers.register("test-recorder.v1", func=recorder.make_scorer)
    return recorder


@each_encoder
def test_averaged_weights_are_evaluated_and_stored(run_training, recorder, encoder):
    nlp = run_training(
        make_pipeline(["tok2vec", "tagger"], ENCODERS[encoder]),
        {
            "dropout": 0.3,
            "max_steps": 6,
            "eval_frequency": 3,
            "optimizer": {"use_averages": True},
            "logger": {"@loggers": "test-recorder.v1"},
        },
        components={"tagger": {"scorer": {"@scorers": "test-recorder.v1"}}},
    )
    # Thinc's moving average starts at zero and forgets less from step to step.
    averages = {name: np.zeros_like(array) for name, array in recorder.weights[0].items()}
    for step, raw in enumerate(recorder.weights, start=1):
        for name in averages:
            averages[name] += (1 - (1 + step) / (10 + step)) * (raw[name] - averages[name])
    stored = weights(nlp.get_pipe("tok2vec").model)
    assert_equal_weights(stored, averages, atol=1e-6)
    assert not any(np.allclose(stored[name], recorder.weights[-1][name]) for name in stored)

    evaluated = [nlp(example.text).tensor for example in make_examples(nlp)]
    for one, other in zip(recorder.tensors, evaluated, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("component", ["tok2vec", "tagger"])
@each_encoder
def test_training_starts_from_pretrained_weights(tmp_path, encoder, component):
    """Of a shared encoder, and of an encoder within another component."""
    nlp = make_pipeline([component], ENCODERS[encoder])
    path = write_config(nlp, tmp_path, pretraining(tmp_path, component))
    config = spacy.util.load_config(path, interpolate=True)
    pretrain(config, tmp_path)
    stored = tmp_path / "model-last.bin"
    config["initialize"]["init_tok2vec"] = str(stored)
    model = init_nlp(config).get_pipe(component).model
    assert_equal_weights(weights(model), pretrained_weights(stored))


def test_the_name_is_all_that_changes_for_users_of_the_stock_encoder(tmp_path):
    stock = {**BILSTM, "@architectures": "spacy.TorchBiLSTMEncoder.v1", "depth": 2}
    path = write_config(make_pipeline(["tok2vec", "tagger"], stock), tmp_path, {})
    text = path.read_text(encoding="utf8")
    changed = text.replace("spacy.TorchBiLSTMEncoder.v1", "spacy-rnn.BiLSTMEncoder.v1")
    assert changed != text
    path.write_text(changed, encoding="utf8")
    train_by_config(path, tmp_path / "output")
    nlp = spacy.load(tmp_path / "output" / "model-last")
    assert weights(nlp.get_pipe("tok2vec").model)
    assert nlp.evaluate(make_examples(nlp))["tag_acc"] > 0.7
