"""Classifiers of documents, for every place where spaCy takes a text classifier."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from spacy.attrs import NORM
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d, Floats3d
from thinc.util import get_width

from ..bridge.flat import unflatten
from ..checks import check_count, check_rate
from ..types import Embedding, TextClassifier
from .embeddings import MIXER

if TYPE_CHECKING:
    from ..bridge.shim import NetworkShim
    from ..nn.pooling import Pooling


TEXT_CLASSIFIER = "text_classifier"


def build_text_classifier_v1(
    tok2vec: Embedding,
    pooling: Callable[[int], "Pooling"],
    exclusive_classes: bool,
    dropout: float | None = None,
    ngram_size: int = 0,
    ngram_rows: int = 32768,
    nO: int | None = None,
) -> TextClassifier:
    """Build a classifier that pools the vectors of tokens, with n-grams beside them if wanted.

    tok2vec (Embedding): Gives tokens their vectors: recurrent or any other.
    pooling (MakePooling): Makes one vector of them, such as `spacy-rnn.concat_pooling.v1`.
    exclusive_classes (bool): Whether a document is of exactly one class.
    dropout (float | None): Dropout on that vector. None for `training.dropout`.
    ngram_size (int): Up to how many tokens an n-gram has. N-grams make another classifier,
        which learns by itself, and the probabilities of the two are averaged. 0 for none.
    ngram_rows (int): Rows of the table of n-grams, which are hashed.
    nO (int | None): Classes. Default: those of the training data.
    RETURNS (TextClassifier): The classifier.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    from ..bridge.shim import NetworkShim
    from ..nn.text_classifier import Classifier

    check_rate("dropout", dropout or 0.0)
    check_count("ngram_size", ngram_size, 0)
    check_count("ngram_rows", ngram_rows, 1)
    network = partial(
        Classifier,
        pooling=pooling,
        dropout=dropout,
        ngram_rows=ngram_rows if ngram_size else 0,
    )
    width = tok2vec.get_dim("nO") if tok2vec.has_dim("nO") else 2
    return Model(
        TEXT_CLASSIFIER,
        forward,
        init=init,
        layers=[tok2vec],
        shims=[NetworkShim(network, {"inputs": width, "labels": nO or 1})],
        dims={"nO": nO},
        refs={"tok2vec": tok2vec},
        attrs={
            "dropout_rate": 0.0,
            "multi_label": not exclusive_classes,
            "ngram_size": ngram_size,
            "ngram_rows": ngram_rows,
        },
    )


def forward(model: TextClassifier, docs: list[Doc], is_train: bool) -> tuple[Floats2d, Callable]:
    """Classify documents.

    model (TextClassifier): The classifier.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats2d, Callable]): The probability of each class, `(docs, classes)`, and
        a callback that takes how far each is from what is right, or zero where that is not
        known.
    """
    shim = cast("NetworkShim", model.shims[0])
    vectors, backprop_tokens = model.get_ref("tok2vec")(docs, is_train)
    inputs = _lay_out(model, docs, vectors, is_train)
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    (scores, _), backprop_network = shim(inputs, is_train)
    experts = _to_probabilities(model, cast(Floats3d, torch2xp(scores, ops=model.ops)))
    probabilities = cast(Floats2d, model.ops.xp.mean(experts, axis=0))

    def backprop(d_probabilities: Floats2d) -> list[Doc]:
        # What is right follows from the error of the average. Each expert has its own error,
        # which is the gradient of its cross-entropy with regard to its scores.
        right = probabilities - d_probabilities
        d_scores = (experts - right) * (d_probabilities != 0)
        gradient = xp2torch(d_scores, device=shim.device)
        d_inputs = backprop_network(ArgsKwargs((scores,), {"grad_tensors": gradient}))
        d_vectors = cast(Floats2d, torch2xp(d_inputs.args[0], ops=model.ops))
        backprop_tokens(unflatten(d_vectors, map(len, docs)))
        return []

    return probabilities, backprop


def attend(model: TextClassifier, docs: list[Doc]) -> tuple[Floats2d, list[list[float]]]:
    """Classify documents, and tell how much each token counts.

    model (TextClassifier): The classifier.
    docs (list[Doc]): The documents.
    RETURNS (tuple[Floats2d, list[list[float]]]): The probability of each class,
        `(docs, classes)`; and for each document a number of each token: together 1.
    RAISES (ValueError): If the pooling is without attention.
    """
    weights = None
    if model.name == TEXT_CLASSIFIER:
        shim = cast("NetworkShim", model.shims[0])
        vectors = model.get_ref("tok2vec").predict(docs)
        scores, weights = shim.predict(_lay_out(model, docs, vectors, False))
    if weights is None:
        raise ValueError(
            "This text classifier pools without attention, so that there are no weights to show: "
            "train it with spacy-rnn.attention_pooling.v1 or spacy-rnn.hierarchical_pooling.v1"
        )
    experts = _to_probabilities(model, cast(Floats3d, torch2xp(scores, ops=model.ops)))
    own = weights.split([len(doc) for doc in docs])
    return model.ops.xp.mean(experts, axis=0), [each.tolist() for each in own]


def init(model: TextClassifier, X: list[Doc] | None = None, Y: Floats2d | None = None) -> None:
    """Build the network for what comes in and for the classes, with fresh weights.

    model (TextClassifier): The classifier.
    X (list[Doc] | None): Sample documents.
    Y (Floats2d | None): Sample classes.
    """
    if Y is not None:
        model.set_dim("nO", get_width(Y), force=True)
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X)
    shim = cast("NetworkShim", model.shims[0])
    shim.build(inputs=tok2vec.get_dim("nO"), labels=model.get_dim("nO"))


def _lay_out(
    model: TextClassifier, docs: list[Doc], vectors: list[Floats2d], is_train: bool
) -> ArgsKwargs:
    """Give the network tokens of all documents, and where documents and sentences end."""
    import torch

    shim = cast("NetworkShim", model.shims[0])
    flat = model.ops.reshape2f(model.ops.flatten(vectors), -1, shim.dims["inputs"])
    data = xp2torch(flat, requires_grad=is_train, device=shim.device)
    lengths = torch.tensor([len(doc) for doc in docs], dtype=torch.int64)
    if cast(Any, shim._model).pooling.reads_sentences:
        own = [_cut_sentences(doc) for doc in docs]
        sentences = torch.tensor([size for sizes in own for size in sizes], dtype=torch.int64)
        counts = torch.tensor([len(sizes) for sizes in own], dtype=torch.int64)
    else:
        sentences, counts = lengths, torch.ones_like(lengths)
    ngrams, owners = _find_ngrams(docs, model.attrs["ngram_size"], model.attrs["ngram_rows"])
    found = (torch.from_numpy(each).to(shim.device) for each in (ngrams, owners))
    return ArgsKwargs((data, lengths, sentences, counts, *found), {})


def _find_ngrams(docs: list[Doc], size: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the n-grams of each document: their rows in a table, and the document of each."""
    words = np.concatenate([np.zeros(0, "uint64"), *(doc.to_array(NORM) for doc in docs)])
    owners = np.repeat(np.arange(len(docs)), [len(doc) for doc in docs])
    found, owned = [np.zeros(0, "int64")], [np.zeros(0, "int64")]
    ngrams = np.zeros_like(words)
    for length in range(min(size, len(words))):
        ngrams = ngrams[: len(words) - length] * MIXER + words[length:]
        inside = owners[: len(ngrams)] == owners[length:]
        # The highest bits of a product depend on all bits of what is multiplied.
        found.append(((ngrams[inside] * MIXER) >> np.uint64(33)).astype("int64") % rows)
        owned.append(owners[: len(ngrams)][inside])
    return np.concatenate(found), np.concatenate(owned)


def _cut_sentences(doc: Doc) -> list[int]:
    """Count the tokens of each sentence; those of a document without sentences are in one."""
    if doc.has_annotation("SENT_START"):
        return [len(sentence) for sentence in doc.sents]
    return [len(doc)]


def _to_probabilities(model: TextClassifier, scores: Floats3d) -> Floats3d:
    if model.attrs["multi_label"]:
        return model.ops.sigmoid(scores)
    return model.ops.softmax(scores)
