"""Marks of tests that a machine has to have something for: without it they are skipped."""

import sys

import pytest
import torch

from spacy_rnn.torch_private import has_bfloat16_instructions

needs_fork = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux, where processes with threads can fork"
)
needs_bfloat16 = pytest.mark.skipif(
    not has_bfloat16_instructions(), reason="needs a CPU with instructions for bfloat16"
)
needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="needs a torch with oneDNN"
)
