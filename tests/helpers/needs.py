"""Marks of tests that a machine has to have something for: without it they are skipped."""

import sys

import pytest
import torch

from spacy_rnn.torch_private import is_fast_in_bfloat16

needs_fork = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux, where processes with threads can fork"
)
needs_bfloat16 = pytest.mark.skipif(
    not is_fast_in_bfloat16(),
    reason="needs a CPU with instructions for bfloat16, and a oneDNN that uses them",
)
needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="needs a torch with oneDNN"
)
