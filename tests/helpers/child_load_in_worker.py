"""Load a stored pipeline in a forked worker, after torch has started threads in this process.

Takes the pipeline; prints what was predicted.
"""

import json
import multiprocessing
import sys

import spacy
import torch
from stock_pipelines import TEXTS, record


def predict(path: str) -> list[dict]:
    return [record(doc) for doc in spacy.load(path).pipe(TEXTS)]


torch.set_num_threads(2)
matrix = torch.rand(1000, 1000)
(matrix @ matrix).sum()
predict(sys.argv[1])
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(json.dumps(pool.apply(predict, sys.argv[1:])))
