"""What a trained pipeline is made of, by one command."""

import json

import pytest
import spacy
from contract_samples import SAMPLES
from stock_pipelines import ENCODERS, tok2vec_config
from typer.testing import CliRunner

from spacy_rnn.about import package_version
from spacy_rnn.cli.app import app
from spacy_rnn.cli.info import find_networks

EXPECTED = {
    "rnn_tagger": (["lstm, width 16, depth 1"], 9, []),
    "rnn_ner": (["lstm, width 16, depth 1"], 2, []),
    "rnn_textcat": (["lstm, width 16, depth 1"], 3, []),
    "rnn_translator": (
        ["decoder: gru, width 64, depth 1", "encoder: gru, width 64, depth 1"],
        0,
        [320, 320],
    ),
    "rnn_lm": (["lstm, width 32, depth 1"], 0, [18]),
    "tagger": (["rnn_tanh, width 16, depth 2"], 9, []),
}
NAMES = ("tagger", "ner", "classifier", "translator", "language model")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Store a pipeline with components of this package, and two stock ones."""
    path = tmp_path_factory.mktemp("info")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for name in NAMES:
        nlp.add_pipe(SAMPLES[name].factory, config=SAMPLES[name].config)
    nlp.add_pipe("tagger", config={"model": {"tok2vec": tok2vec_config(ENCODERS["recurrent"])}})

    def get_examples():
        classes = SAMPLES["classifier"].make_examples(nlp)
        for example in classes:
            example.reference._.translation = example.reference.text.upper()
        return classes

    nlp.initialize(get_examples)
    nlp.meta["performance"] = {"tag_acc": 0.98765, "speed": 1000.0, "ents_per_type": {}}
    nlp.to_disk(path)
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["info", *map(str, arguments)])


def test_it_describes_each_component_that_has_a_network(stored):
    facts = json.loads(run(stored, "--json").stdout)
    assert facts["components"].keys() == EXPECTED.keys()
    for name, (networks, labels, vocabularies) in EXPECTED.items():
        component = facts["components"][name]
        assert component["recurrent networks"] == networks
        assert component["labels"] == labels
        assert [*component["vocabularies"].values()] == vocabularies
        assert component["saved by spacy-rnn"] == package_version()
        assert component["factory"] == name
    assert facts["scores"] == {"tag_acc": 0.9877, "speed": 1000.0}
    assert facts["versions"]["spacy-rnn"] == package_version()
    assert facts["versions"]["spacy"] == spacy.about.__version__


def test_weights_are_those_of_all_layers(stored):
    nlp = spacy.load(stored)
    facts = json.loads(run(stored, "--json").stdout)["components"]
    model = nlp.get_pipe("rnn_lm").model
    parameters = [each.numel() for each in model.shims[0].network.parameters()]
    assert facts["rnn_lm"]["weights"] == sum(parameters)
    (network,) = find_networks(nlp.get_pipe("tagger").model)
    parameters = [each.numel() for each in network.network.parameters()]
    assert facts["tagger"]["weights"] > sum(parameters)


def test_the_table_has_the_same(stored):
    output = run(stored).stdout
    for text in ("rnn_translator", "decoder: gru, width 64", "tag_acc", "0.9877", "torch"):
        assert text in output
    assert "sentencizer" not in output


def test_what_cannot_be_loaded_is_said(stored, tmp_path):
    assert run(tmp_path).exit_code == 1
    assert run("no_such_model").exit_code == 1


def test_versions_alone():
    facts = json.loads(run("--json").stdout)
    assert not facts["components"]
    assert facts["versions"]["spacy-rnn"] == package_version()
    assert facts["versions"]["platform"]
    assert "Versions" in run().stdout
