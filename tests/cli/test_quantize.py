"""Pipelines with 8-bit weights, by one command."""

import json

import pytest
import spacy
import torch
from contract_samples import SAMPLES, train
from safetensors.torch import load
from thinc.api import Adam
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.cli.info import find_networks

NAMES = ("CRF tagger", "ner", "classifier", "translator", "language model")


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def stored_types(nlp):
    networks = find_networks(nlp.pipeline[0][1].model)
    return {tensor.dtype for each in networks for tensor in load(each.to_bytes()).values()}


@pytest.mark.parametrize("name", NAMES)
def test_every_component_is_rounded(tmp_path, monkeypatch, name):
    """It predicts by the rounded weights, and is stored as it was loaded."""
    monkeypatch.setattr("spacy_rnn.bridge.weights.MIN_ROUNDED", 256)
    sample = SAMPLES[name]
    nlp = train(sample, steps=2)
    nlp.to_disk(tmp_path / "model")
    result = run("quantize", tmp_path / "model", tmp_path / "small")
    assert result.exit_code == 0, result.output
    assert f"{sample.factory} " in result.stdout

    small = spacy.load(tmp_path / "small")
    assert torch.int8 in stored_types(small)
    texts = [example.text for example in sample.make_examples(nlp)]
    for network in find_networks(nlp.pipeline[0][1].model):
        network.quantize()
    expected = [sample.read(doc) for doc in nlp.pipe(texts)]
    assert [sample.read(doc) for doc in small.pipe(texts)] == expected

    small.to_disk(tmp_path / "again")
    files = [path / sample.factory / "model" for path in (tmp_path / "small", tmp_path / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()
    small.update(sample.make_examples(small), sgd=Adam(0.01))
    assert torch.int8 not in stored_types(small)


def test_the_size_is_a_quarter(tmp_path):
    model = {
        "encoder": {"embed_width": 128, "network": {"width": 128}},
        "decoder": {"embed_width": 128, "readout_width": 128, "network": {"width": 128}},
    }
    nlp = spacy.blank("en")
    sample = SAMPLES["translator"]
    nlp.add_pipe("rnn_translator", config={"vocab_size": 320, "model": model})
    nlp.initialize(lambda: sample.make_examples(nlp))
    nlp.meta["performance"] = {"rnn_translator_bleu": 50.0}
    nlp.to_disk(tmp_path / "model")
    assert run("quantize", tmp_path / "model", tmp_path / "small").exit_code == 0
    before, after = (
        (tmp_path / name / "rnn_translator" / "model").stat().st_size
        for name in ("model", "small")
    )
    assert 0.25 < after / before < 0.27
    facts = json.loads(run("info", tmp_path / "small", "--json").stdout)
    component = facts["components"]["rnn_translator"]
    assert 0.98 < component["8-bit weights"] / component["weights"] < 1
    assert component["size in bytes"] == after
    assert not facts["scores"]


def test_nothing_to_round_is_said(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model")
    result = run("quantize", tmp_path / "model", tmp_path / "small")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no network of spacy-rnn with a matrix of 4,096 weights" in result.stderr
    assert not (tmp_path / "small").exists()
