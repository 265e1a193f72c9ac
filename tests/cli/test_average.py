"""The mean of trained pipelines, by one command."""

import numpy as np
import pytest
import spacy
import torch
from contract_samples import SAMPLES
from thinc.api import Config, Model
from typer.testing import CliRunner

from spacy_rnn.cli.app import app

NAMES = ("ner", "classifier", "translator", "language model")


def make_pipeline(*names, **settings):
    nlp = spacy.blank("en")
    for name in names:
        config = Config(SAMPLES[name].config).merge(settings)
        nlp.add_pipe(SAMPLES[name].factory, config=config)
    nlp.add_pipe("doc_cleaner")

    def get_examples():
        examples = SAMPLES["classifier"].make_examples(nlp)
        for example in examples:
            example.reference._.translation = example.reference.text.upper()
        return examples

    nlp.initialize(get_examples)
    return nlp


def read_weights(nlp):
    """Read the weights by the functions of torch and Thinc."""
    weights = {}
    for name, component in nlp.pipeline:
        for number, node in enumerate(getattr(component, "model", Model("", None)).walk()):
            for param in node.param_names:
                weights[name, number, param] = node.get_param(param)
            for shim in node.shims:
                for param, tensor in shim.network.state_dict().items():
                    weights[name, number, param] = tensor.numpy()
    return weights


def run(*arguments):
    return CliRunner().invoke(app, ["average", *map(str, arguments)])


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    """Store three pipelines that differ in their weights alone."""
    nlp = make_pipeline(*NAMES)
    nlp.meta["performance"] = {"ents_f": 0.5}
    paths = [tmp_path_factory.mktemp("average") / name for name in "abc"]
    generator = np.random.default_rng(0)
    for path in paths:
        nlp.to_disk(path)
        for array in read_weights(nlp).values():
            if array.dtype == "float32":
                array += generator.normal(size=array.shape).astype("float32")
    return paths


def read_files(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_weights_are_the_mean_of_all(tmp_path, pipelines):
    result = run(tmp_path / "mean", *pipelines)
    assert result.exit_code == 0, result.output
    assert "Mean of 3 pipelines" in result.stdout
    mean = spacy.load(tmp_path / "mean")
    weights = [read_weights(spacy.load(path)) for path in pipelines]
    for key, array in read_weights(mean).items():
        arrays = [each[key] for each in weights]
        expected = np.mean(arrays, axis=0, dtype="float64" if array.dtype == "float32" else None)
        np.testing.assert_array_equal(array, expected.astype(array.dtype), str(key))
    assert not mean.meta["performance"]
    assert mean.config == spacy.load(pipelines[0]).config


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_mean_of_equal_pipelines_is_the_pipeline(tmp_path, pipelines, number):
    # Also where the output takes the place of a pipeline, the first one even.
    for _ in range(2):
        result = run(tmp_path / "mean", *pipelines[1:2] * number)
        assert result.exit_code == 0, result.output
        assert "All have the same weights" in result.stdout
        assert read_files(tmp_path / "mean") == read_files(pipelines[1])
    assert [path.name for path in tmp_path.iterdir()] == ["mean"]


def test_numbers_without_a_mean_have_to_be_equal(tmp_path):
    nlp = make_pipeline("ner")
    nlp.to_disk(tmp_path / "one")
    for node in nlp.get_pipe("rnn_ner").model.walk():
        for shim in node.shims:
            for name, buffer in shim.network.named_buffers():
                if name.endswith("end_transitions_allowed"):
                    buffer ^= torch.ones_like(buffer)
    nlp.to_disk(tmp_path / "other")
    result = run(tmp_path / "mean", tmp_path / "one", tmp_path / "other")
    assert result.exit_code == 1
    assert "end_transitions_allowed holds other bool numbers" in result.stderr


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("translator", {"vocab_size": 300}, "(seq2seq), subwords is "),
        (
            "translator",
            {"model": {"decoder": {"network": {"cell": "lstm"}}}},
            'rnn_translator.model.decoder.network.cell is "lstm", and was "gru"',
        ),
        ("language model", {}, "rnn_lm.model.@architectures is "),
    ],
)
def test_a_difference_is_named(tmp_path, name, settings, message):
    paths = [tmp_path / "one", tmp_path / "other"]
    make_pipeline("translator").to_disk(paths[0])
    make_pipeline(name, **settings).to_disk(paths[1])
    result = run(tmp_path / "mean", *paths)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{paths[1]} does not fit {paths[0]}" in result.stderr
    assert message in result.stderr
    assert not (tmp_path / "mean").exists()


def test_dropout_may_differ(tmp_path):
    """As may all else that weights do not depend on."""
    for name, rate in (("one", 0.1), ("other", 0.2)):
        spacy.util.fix_random_seed(0)
        settings = {"dropout_output": rate}
        nlp = make_pipeline("translator", model={"decoder": {"network": settings}})
        nlp.to_disk(tmp_path / name)
    assert run(tmp_path / "mean", tmp_path / "one", tmp_path / "other").exit_code == 0


def test_other_files_are_not_replaced(tmp_path, pipelines):
    (tmp_path / "note").write_text("keep me")
    result = run(tmp_path, *pipelines)
    assert result.exit_code == 1
    assert "is no pipeline: name a new folder" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
