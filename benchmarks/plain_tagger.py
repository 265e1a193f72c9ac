"""A recurrent tagger as PyTorch users write it: ids in, ids out, without tokenizer or Doc."""

import random
import time
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from spacy.tokens import Doc
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from spacy_rnn.training.batchers import create_bucket_batcher_v1

ATTRS = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
PADDING, UNKNOWN = 0, 1
Sentence = tuple[Tensor, Tensor]
"""The ids of each word's attributes, `(words, attrs)`, and of its tag, `(words,)`."""


class PlainTagger(nn.Module):
    """Embeddings that are summed, a BiLSTM, a softmax.

    The backward direction reads padding first, as in most such loops; batches of similar lengths
    have little of it.

    sizes (list[int]): Ids of each attribute.
    tags (int): Tags.
    width (int): Features of a word.
    """

    def __init__(self, sizes: list[int], tags: int, width: int):
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, width, PADDING) for size in sizes)
        self.lstm = nn.LSTM(width, width // 2, bidirectional=True, batch_first=True)
        self.output = nn.Linear(width, tags)
        self.dropout = nn.Dropout(0.1)

    def forward(self, words: Tensor) -> Tensor:
        columns = zip(self.embeddings, words.unbind(2), strict=True)
        embedded = torch.stack([embedding(ids) for embedding, ids in columns]).sum(0)
        return self.output(self.dropout(self.lstm(self.dropout(embedded))[0]))


def run_plain(
    train: Iterable[Doc], dev: Iterable[Doc], width: int, steps: int
) -> dict[str, float]:
    """Train, and tag the training part.

    train (Iterable[Doc]): Tagged sentences.
    dev (Iterable[Doc]): Tagged sentences to score.
    width (int): Features of a word.
    steps (int): Training steps, of some 500 words each.
    RETURNS (dict[str, float]): The accuracy, and words for each second of processor time of
        training and of prediction.
    """
    known: list[dict[int, int]] = [{} for _ in [*ATTRS, "TAG"]]
    sentences = [number(doc, known, grow=True) for doc in train]
    unseen = [number(doc, known, grow=False) for doc in dev]
    *sizes, tags = (len(ids) + 2 for ids in known)
    model = PlainTagger(sizes, tags, width)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    words = 0
    start = time.process_time()
    model.train()
    for rows, right in islice(make_epochs(sentences, 500), steps):
        scores = model(rows)
        loss = functional.cross_entropy(
            scores.flatten(0, 1), right.flatten(), ignore_index=PADDING
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        words += int((right != PADDING).sum())
    training = words / (time.process_time() - start)
    model.eval()
    tagged = [tag(model, batch) for batch in make_batches(unseen, 1000)]
    right_words, all_words = map(sum, zip(*tagged, strict=True))
    start = time.process_time()
    # Batches are made in time, as they would have to be.
    total = sum(tag(model, batch)[1] for batch in make_batches(sentences, 1000))
    pipe = total / (time.process_time() - start)
    return {"score": right_words / all_words, "training": training, "pipe": pipe}


def number(doc: Doc, known: list[dict[int, int]], grow: bool) -> Sentence:
    """Number attributes and tags in the order in which they come.

    doc (Doc): The sentence.
    known (list[dict[int, int]]): The numbers so far, of each attribute and of the tags.
    grow (bool): Whether to number what is not known, and not to take it for `UNKNOWN`.
    RETURNS (Sentence): The numbers.
    """
    columns = []
    for keys, ids in zip(doc.to_array([*ATTRS, "TAG"]).T.tolist(), known, strict=True):
        if grow:
            for key in keys:
                ids.setdefault(key, len(ids) + 2)
        columns.append([ids.get(key, UNKNOWN) for key in keys])
    table = torch.from_numpy(np.array(columns).T.copy())
    return table[:, :-1], table[:, -1]


def make_epochs(sentences: list[Sentence], words: int) -> Iterator[Sentence]:
    """Make batches without end, of other sentences in each epoch, as any training does."""
    while True:
        yield from make_batches(random.sample(sentences, len(sentences)), words)


def make_batches(sentences: list[Sentence], words: int) -> list[Sentence]:
    """Pad sentences of similar lengths to rectangles of some words."""
    batch = create_bucket_batcher_v1(words, len(sentences), get_length=lambda each: len(each[1]))
    return [
        (pad_sequence(list(rows), True, PADDING), pad_sequence(list(tags), True, PADDING))
        for rows, tags in (zip(*each, strict=True) for each in batch(sentences))
    ]


@torch.inference_mode()
def tag(model: PlainTagger, batch: Sentence) -> tuple[int, int]:
    """Tag a batch; count the tags that are right, and all words."""
    rows, right = batch
    found = model(rows).argmax(2)
    words = right != PADDING
    return int(((found == right) & words).sum()), int(words.sum())
