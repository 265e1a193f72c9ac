"""What loading a pipeline imports: nothing that takes longer than the pipeline."""

import json

import pytest
import spacy
from contract_samples import make_class_examples
from new_process import run_python, run_script
from spacy.training import Example

SMALL = {"embed_width": 16, "network": {"width": 16}}
CONFIGS = {
    "rnn_tagger": {},
    "rnn_ner": {},
    "rnn_textcat": {},
    "rnn_textcat_multilabel": {},
    "rnn_lm": {"model": {"embed_width": 16, "network": {"width": 16, "chrono_init": 9}}},
    "rnn_translator": {
        "vocab_size": 300,
        "model": {"encoder": SMALL, "decoder": {**SMALL, "readout_width": 16}},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Store a pipeline of each component."""
    folder = tmp_path_factory.mktemp("pipelines")
    for name, config in CONFIGS.items():
        nlp = spacy.blank("en")
        nlp.add_pipe(name, config=config)

        def get_examples(nlp: spacy.Language = nlp) -> list[Example]:
            examples = make_class_examples(nlp)
            for example in examples:
                if example.reference.has_extension("translation"):
                    example.reference._.translation = example.reference.text
            return examples

        nlp.initialize(get_examples)
        nlp.to_disk(folder / name)
    return folder


def test_no_compiler_is_imported_to_load_and_predict(folder):
    imported = json.loads(run_script("child_load.py", *CONFIGS, folder))
    assert imported == {name: [] for name in CONFIGS}


def test_no_cell_imports_a_compiler_to_be_built():
    assert json.loads(run_script("child_build.py")) == []


def test_no_command_imports_a_compiler():
    program = (
        "import sys; from spacy.cli import setup_cli\n"
        "sys.argv = ['spacy', 'rnn', 'translate', '--help']\n"
        "try: setup_cli()\n"
        "except SystemExit as error: assert not error.code\n"
        "print(sorted({'torch._dynamo', 'sympy'} & sys.modules.keys()))"
    )
    output = run_python("-c", program)
    assert "Usage" in output
    assert output.splitlines()[-1] == "[]"
