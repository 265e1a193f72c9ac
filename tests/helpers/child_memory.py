"""Predict a very long document among short ones; print by how many bytes memory grew.

Takes stored pipelines, one after the other. Linux only.
"""

import json
import sys
from pathlib import Path

import spacy
import torch
from spacy.tokens import Doc


def peak() -> int:
    """Give the most memory so far. What `resource` knows includes the parent process."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))


torch.set_num_threads(1)  # Threads of other processes slow 50,000 steps down.
growth = []
for path in sys.argv[1:]:
    nlp = spacy.load(path)
    list(nlp.pipe(["Anna reads a book ."]))
    docs = [Doc(nlp.vocab, words=["bird"] * length) for length in [50_000] + [5] * 1000]
    before = peak()
    for _ in nlp.pipe(docs, batch_size=len(docs)):
        pass
    growth.append(peak() - before)
print(json.dumps(growth))
