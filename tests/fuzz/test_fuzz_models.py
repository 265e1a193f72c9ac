"""A short run of the fuzzer, and proof that it would find something."""

import sys

import pytest
import torch
from fuzz_models import ALLOWED, fuzz

from spacy_rnn.pipeline import storage

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux"),
    pytest.mark.filterwarnings("ignore"),
]


def test_damaged_models_are_refused_or_predict_the_same(tmp_path):
    torch.set_num_threads(1)
    lines = []
    assert fuzz(range(250), tmp_path, lines.append) == []
    assert all(outcome in ALLOWED for outcome in lines[-1].splitlines()[0].split(" | ")[1:-1])


def test_it_finds_other_predictions_where_cfg_is_not_checked(tmp_path, monkeypatch):
    """Labels are renamed in it."""
    monkeypatch.setattr(storage, "_check", lambda data, checksum: data)
    assert any("other predictions" in failure for failure in fuzz(range(60), tmp_path, list))
