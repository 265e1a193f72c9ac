"""Predict with two processes, after torch has started threads in this one.

Takes a start method, how many texts are long, and stored pipelines; prints what each of
them predicted.
"""

import json
import multiprocessing
import sys

import spacy
import torch
from stock_pipelines import LONG_TEXT, TEXTS, record


def main() -> None:
    start_method, long, *paths = sys.argv[1:]
    multiprocessing.set_start_method(start_method)
    torch.set_num_threads(2)
    matrix = torch.rand(1000, 1000)
    (matrix @ matrix).sum()
    texts = [*TEXTS, *[LONG_TEXT] * int(long)]
    predictions = []
    for path in paths:
        nlp = spacy.load(path)
        nlp("Anna reads a book .")
        docs = nlp.pipe(texts, n_process=2, batch_size=3)
        predictions.append([record(doc) for doc in docs])
    print(json.dumps(predictions))


if __name__ == "__main__":  # A spawned worker imports this file.
    main()
