"""What spaCy's users meet where torch is missing or broken."""

import pytest
from new_process import run_python
from stock_pipelines import ENCODERS, tok2vec_config

ERRORS = {
    "missing": "ModuleNotFoundError(\"No module named 'torch'\", name='torch')",
    "broken": "ImportError('torch/lib/libtorch_cpu.so: cannot open shared object file')",
}


@pytest.fixture(params=ERRORS)
def without_torch(request, tmp_path):
    """Run code where importing torch raises; it prints who in this package asked for it."""
    (tmp_path / "torch.py").write_text(
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame is not None:\n"
        "    name = frame.f_globals.get('__name__', '')\n"
        "    if name.startswith('spacy_rnn'):\n"
        "        print(name, 'asks for torch')\n"
        "    frame = frame.f_back\n"
        f"raise {ERRORS[request.param]}\n"
    )
    return lambda code: run_python("-c", code, folders=[tmp_path])


def test_other_pipelines_work(without_torch):
    output = without_torch(
        "import spacy\n"
        "nlp = spacy.blank('en')\n"
        "nlp.add_pipe('tagger').add_label('NN')\n"
        "nlp.initialize()\n"
        "print([word.tag_ for word in nlp('It works')])\n"
    )
    assert output == "['NN', 'NN']\n"


def test_registered_functions_load_without_what_they_may_need_later(without_torch):
    # What spaCy imports by itself is imported before.
    output = without_torch(
        "import sys, spacy, thinc.api\n"
        "before = set(sys.modules)\n"
        "for name in spacy.registry.get_registry_names():\n"
        "    getattr(spacy.registry, name).get_all()\n"
        "assert 'spacy_rnn.architectures.encoders' in sys.modules\n"
        "heavy = {'torch', 'safetensors', 'datasets', 'sacrebleu', 'sentencepiece'}\n"
        "print(heavy & (set(sys.modules) - before))\n"
    )
    assert output == "set()\n"


def test_encoders_say_that_they_need_torch(without_torch):
    output = without_torch(
        "import spacy\n"
        f"for model in {[tok2vec_config(encoder) for encoder in ENCODERS.values()]}:\n"
        "    try:\n"
        "        spacy.blank('en').add_pipe('tok2vec', config={'model': model})\n"
        "    except (ImportError, ValueError) as error:\n"
        "        print('Error:', error)\n"
    )
    errors = [line for line in output.splitlines() if line.startswith("Error:")]
    assert ["torch" in error for error in errors] == [True] * len(ENCODERS)
