"""Networks need PyTorch and nothing of spaCy."""

import json

from new_process import run_script


def test_networks_are_trained_without_spacy_and_thinc():
    found = json.loads(run_script("child_standalone_nn.py"))
    assert found["modules"] > 30
    assert set(found["losses"]) == {"recurrent", "crf", "lm", "seq2seq"}
    for name, (before, after) in found["losses"].items():
        assert after < before, name
