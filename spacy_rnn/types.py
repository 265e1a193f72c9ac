"""Names for what passes each boundary between layers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from spacy.tokens import Doc
from thinc.model import Model
from thinc.types import Floats1d, Floats2d, Ints1d

Encoder = Model[list[Floats2d], list[Floats2d]]
"""For each document an array `(tokens, nI)` comes in and one of `(tokens, nO)` goes out."""

Embedding = Model[list[Doc], list[Floats2d]]
"""For each document vectors of its tokens, `(tokens, nO)`."""

FlatEmbedding = Model[list[Doc], Floats2d]
"""The vectors of all tokens of all documents, `(tokens, nO)`."""

TextClassifier = Model[list[Doc], Floats2d]
"""The probability of each class of each document, `(documents, classes)`."""

Source = Model[list[Doc], list[Floats2d]] | Model[list[Doc], list[Ints1d]]
"""For each document vectors of its tokens, `(tokens, nO)`, or its pieces, `(pieces,)`."""

Guide = Callable[[list[np.ndarray], list[list[int]]], np.ndarray]
"""From the pieces of sources and of their translations to what attention weights should be, times
the weight of that loss, `(documents, longest translation, longest source)`."""


class Translations(NamedTuple):
    """Documents with their translations.

    docs (list[Doc]): The documents.
    pieces (list[list[int]]): The pieces of the translation of each.
    guide (Guide | None): What guides the attention in training, if anything does.
    """

    docs: list[Doc]
    pieces: list[list[int]]
    guide: Guide | None = None


Seq2SeqModel = Model[Translations | list[Doc], Floats1d]
"""Documents with translations come in, the negative log-likelihood of each piece and end
symbol of these goes out."""

LabelScores = list[Floats2d]
"""For each document an array `(tokens, labels)`."""

Labeller = Model[list[Doc], LabelScores]
"""Documents come in, scores of each label at each token go out."""

AllowedLabels = np.ndarray
"""Which labels are allowed at each token of all documents, booleans of `(tokens, labels)`."""

CRFModel = Model[tuple[LabelScores, AllowedLabels], Floats1d]
"""Scores and allowed labels come in, the negative log-likelihood of each document goes out."""
