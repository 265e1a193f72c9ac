"""Predict with two processes, after torch has started threads in this one.

Takes a stored pipeline, a start method, and how many texts are long; prints what was
predicted.
"""

import json
import multiprocessing
import sys

import spacy
import torch
from stock_pipelines import LONG_TEXT, TEXTS, record


def main() -> None:
    path, start_method, long = sys.argv[1:]
    multiprocessing.set_start_method(start_method)
    torch.set_num_threads(2)
    matrix = torch.rand(1000, 1000)
    (matrix @ matrix).sum()
    nlp = spacy.load(path)
    nlp("Anna reads a book .")
    docs = nlp.pipe([*TEXTS, *[LONG_TEXT] * int(long)], n_process=2, batch_size=3)
    print(json.dumps([record(doc) for doc in docs]))


if __name__ == "__main__":  # A spawned worker imports this file.
    main()
