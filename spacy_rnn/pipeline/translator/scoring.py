"""Scores of given translations by forced decoding."""

from collections.abc import Iterable
from itertools import chain

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model

from ...metrics.common import perplexity
from ...metrics.registry import Tokenization
from ...progress import show
from ...types import Translations


def score_pieces(
    model: Model, docs: list[Doc], pieces: list[list[int]], batches: Iterable[list[int]]
) -> list[list[float]]:
    """Score translations piece by piece.

    model (Model): The model of a translator.
    docs (list[Doc]): The documents, each translated as a whole.
    pieces (list[list[int]]): The pieces of a translation of each.
    batches (Iterable[list[int]]): The indices of the documents to score together.
    RETURNS (list[list[float]]): For each translation the log-probability of each piece and of its
        end.
    """
    log_probs: dict[int, list[float]] = {}
    with show("Scoring references", len(docs), "texts") as bar:
        for batch in batches:
            batch_pieces = [pieces[index] for index in batch]
            nlls = model.predict(Translations([docs[index] for index in batch], batch_pieces))
            ends = np.cumsum([len(text_pieces) + 1 for text_pieces in batch_pieces])
            parts = np.split(-model.ops.to_numpy(nlls), ends[:-1])
            log_probs.update(zip(batch, (part.tolist() for part in parts), strict=True))
            if bar is not None:
                bar.update(len(batch))
    return [log_probs[index] for index in range(len(docs))]


def average(log_probs: list[list[list[float]]]) -> list[list[float]]:
    """Average the probabilities that several models give the pieces of translations.

    log_probs (list[list[list[float]]]): For each model what `score_pieces` returned.
    RETURNS (list[list[float]]): The logarithms of the means; those of the model itself if there
        is one.
    """
    if len(log_probs) == 1:
        return log_probs[0]
    number = np.log(len(log_probs))
    return [
        (np.logaddexp.reduce(translation) - number).tolist()
        for translation in zip(*log_probs, strict=True)
    ]


def compute_perplexities(
    log_probs: list[list[float]], texts: list[str], tokenization: Tokenization
) -> dict[str, float]:
    """Compute the perplexities of translations.

    log_probs (list[list[float]]): The log-probabilities of each, as `score_pieces` returns them.
    texts (list[str]): The translations.
    tokenization (Tokenization): How words are counted.
    RETURNS (dict[str, float]): "token_perplexity" and "word_perplexity", per piece and per word,
        the end of each text counted as one more.
    """
    nll = -sum(chain(*log_probs))
    words = sum(tokenization.count_words(text) + 1 for text in texts)
    return {
        "token_perplexity": perplexity(nll, sum(map(len, log_probs))),
        "word_perplexity": perplexity(nll, words),
    }
