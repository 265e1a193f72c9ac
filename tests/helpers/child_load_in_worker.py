"""Load a stored pipeline in a worker, after torch has started threads in this process.

Takes a start method and the pipeline; prints how many threads of torch the worker had when it
was done, and what was predicted.
"""

import json
import multiprocessing
import sys

import spacy
import torch
from stock_pipelines import TEXTS, record


def predict(path: str) -> tuple[int, list[dict]]:
    records = [record(doc) for doc in spacy.load(path).pipe(TEXTS)]
    return torch.get_num_threads(), records


def main() -> None:
    start_method, path = sys.argv[1:]
    torch.set_num_threads(2)
    matrix = torch.rand(1000, 1000)
    (matrix @ matrix).sum()
    predict(path)
    with multiprocessing.get_context(start_method).Pool(1) as pool:
        print(json.dumps(pool.apply(predict, [path])))


if __name__ == "__main__":  # A spawned worker imports this file.
    main()
