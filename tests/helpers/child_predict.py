"""Load stored pipelines and print what they predict: one way, then their paths."""

import json
import pickle
import sys
from pathlib import Path

import spacy
import torch
from stock_pipelines import TEXTS, predict, read_bytes

READERS = {
    "disk": spacy.load,
    "bytes": lambda path: read_bytes(*pickle.loads(Path(path).read_bytes())),
    "pickle": lambda path: pickle.loads(Path(path).read_bytes()),
}

torch.set_num_threads(1)  # Threads of other processes slow tiny networks down.
way, *paths = sys.argv[1:]
print(json.dumps([predict(READERS[way](path), TEXTS) for path in paths]))
