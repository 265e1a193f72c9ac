"""Text classifiers, for the `model` of any of spaCy's text categorizers."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from spacy.attrs import NORM
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, torch2xp, xp2torch
from thinc.types import Floats2d, Floats3d
from thinc.util import get_width

from ..bridge.access import network_shim
from ..bridge.flat import unflatten
from ..bridge.loading import CheckedModel
from ..checks import check_count, check_rate
from ..types import Embedding, TextClassifier
from .embeddings import MIXER
from .growth import get_unseen, make_resizable

if TYPE_CHECKING:
    from ..nn.pooling import Pooling


def build_text_classifier_v1(
    tok2vec: Embedding,
    pooling: Callable[[int], "Pooling"],
    exclusive_classes: bool,
    dropout: float | None = None,
    ngram_size: int = 0,
    ngram_rows: int = 32768,
    nO: int | None = None,
) -> TextClassifier:
    """Build a classifier over pooled token vectors, perhaps with an n-gram classifier alongside.

    tok2vec (Embedding): The token vectors, recurrent or any other.
    pooling (Callable[[int], Pooling]): The pooling of the vectors of a document into one, such as
        `spacy-rnn.concat_pooling.v1`.
    exclusive_classes (bool): Whether each document has exactly one class.
    dropout (float | None): Rate of the dropout on the pooled vector. None for `training.dropout`.
    ngram_size (int): The maximum number of tokens of an n-gram. A linear classifier of n-grams is
        trained by a loss of its own, and the probabilities of the two classifiers are averaged. 0
        for none.
    ngram_rows (int): Rows of the hash table of n-grams.
    nO (int | None): The number of classes. Default: those of the training data, to which others
        can be added later.
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
    model: TextClassifier = CheckedModel(
        "text_classifier",
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
    if nO is None:
        make_resizable(model)
    return model


def forward(model: TextClassifier, docs: list[Doc], is_train: bool) -> tuple[Floats2d, Callable]:
    """Classify documents.

    model (TextClassifier): The classifier.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats2d, Callable]): The probability of each class, `(docs, classes)`, and
        a callback that takes the gradient as the `get_loss` of spaCy's text categorizers returns
        it: probability minus truth, or zero where the truth is missing.
    """
    shim = network_shim(model)
    vectors, backprop_tokens = model.get_ref("tok2vec")(docs, is_train)
    inputs = _make_inputs(model, docs, vectors, is_train)
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    (scores, _), backprop_network = shim(inputs, is_train)
    scored = cast(Floats3d, torch2xp(scores, ops=model.ops))
    experts = _to_probabilities(model, scored, [] if is_train else get_unseen(model))
    probabilities = cast(Floats2d, model.ops.xp.mean(experts, axis=0))

    def backprop(d_probabilities: Floats2d) -> list[Doc]:
        # The truth follows from the error of the average. The error of each expert is the
        # gradient of its own cross-entropy with respect to its scores.
        truths = probabilities - d_probabilities
        d_scores = (experts - truths) * (d_probabilities != 0)
        gradient = xp2torch(d_scores, device=shim.device)
        d_inputs = backprop_network(ArgsKwargs((scores,), {"grad_tensors": gradient}))
        d_vectors = cast(Floats2d, torch2xp(d_inputs.args[0], ops=model.ops))
        backprop_tokens(unflatten(d_vectors, map(len, docs)))
        return []

    return probabilities, backprop


def attend(model: TextClassifier, docs: list[Doc]) -> tuple[Floats2d, list[list[float]]]:
    """Classify documents and return the attention weights of their tokens.

    model (TextClassifier): The classifier.
    docs (list[Doc]): The documents.
    RETURNS (tuple[Floats2d, list[list[float]]]): The probability of each class,
        `(docs, classes)`; and for each document the attention weight of each token, with a sum
        of 1.
    RAISES (ValueError): If the classifier has no attention.
    """
    from ..nn.text_classifier import Classifier

    weights = None
    networks = [getattr(shim, "network", None) for shim in model.shims]
    if any(isinstance(network, Classifier) for network in networks):
        shim = network_shim(model)
        vectors = model.get_ref("tok2vec").predict(docs)
        scores, weights = shim.predict(_make_inputs(model, docs, vectors, False))
    if weights is None:
        raise ValueError(
            "This text classifier pools without attention, so that there are no weights to show: "
            "train it with spacy-rnn.attention_pooling.v1 or spacy-rnn.hierarchical_pooling.v1"
        )
    scored = cast(Floats3d, torch2xp(scores, ops=model.ops))
    experts = _to_probabilities(model, scored, get_unseen(model))
    by_document = weights.split([len(doc) for doc in docs])
    return model.ops.xp.mean(experts, axis=0), [weights.tolist() for weights in by_document]


def init(model: TextClassifier, X: list[Doc] | None = None, Y: Floats2d | None = None) -> None:
    """Build the network for the width of the token vectors and the classes, with fresh weights.

    model (TextClassifier): The classifier.
    X (list[Doc] | None): Sample documents.
    Y (Floats2d | None): Sample classes.
    """
    if Y is not None:
        model.set_dim("nO", get_width(Y), force=True)
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X)
    shim = network_shim(model)
    shim.build(inputs=tok2vec.get_dim("nO"), labels=model.get_dim("nO"))


def _make_inputs(
    model: TextClassifier, docs: list[Doc], vectors: list[Floats2d], is_train: bool
) -> ArgsKwargs:
    """Make the inputs of the network.

    These are token vectors, lengths of documents and of sentences, and n-grams.
    """
    import torch

    shim = network_shim(model)
    flat = model.ops.reshape2f(model.ops.flatten(vectors), -1, shim.dims["inputs"])
    data = xp2torch(flat, requires_grad=is_train, device=shim.device)
    lengths = torch.tensor([len(doc) for doc in docs], dtype=torch.int64)
    if cast(Any, shim.network).pooling.reads_sentences:
        sizes = [_sentence_lengths(doc) for doc in docs]
        sentences = torch.tensor([length for doc in sizes for length in doc], dtype=torch.int64)
        counts = torch.tensor([len(doc) for doc in sizes], dtype=torch.int64)
    else:
        sentences, counts = lengths, torch.ones_like(lengths)
    ngrams = _find_ngrams(docs, model.attrs["ngram_size"], model.attrs["ngram_rows"])
    ngram_inputs = (torch.from_numpy(array).to(shim.device) for array in ngrams)
    # In training new classes are learnt, in prediction they wait until they are.
    hidden = {"hidden": [] if is_train else get_unseen(model)}
    return ArgsKwargs((data, lengths, sentences, counts, *ngram_inputs), hidden)


def _find_ngrams(docs: list[Doc], size: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the n-grams of all documents: their rows in the hash table, and their documents."""
    words = np.concatenate([np.zeros(0, "uint64"), *(doc.to_array(NORM) for doc in docs)])
    segments = np.repeat(np.arange(len(docs)), [len(doc) for doc in docs])
    all_rows, all_segments = [np.zeros(0, "int64")], [np.zeros(0, "int64")]
    ngrams = np.zeros_like(words)
    for length in range(min(size, len(words))):
        ngrams = ngrams[: len(words) - length] * MIXER + words[length:]
        inside = segments[: len(ngrams)] == segments[length:]
        # The highest bits of a product depend on all bits of its factors.
        all_rows.append(((ngrams[inside] * MIXER) >> np.uint64(33)).astype("int64") % rows)
        all_segments.append(segments[: len(ngrams)][inside])
    return np.concatenate(all_rows), np.concatenate(all_segments)


def _sentence_lengths(doc: Doc) -> list[int]:
    """Return the tokens of each sentence. A document without sentence boundaries is one."""
    if doc.has_annotation("SENT_START"):
        return [len(sentence) for sentence in doc.sents]
    return [len(doc)]


def _to_probabilities(model: TextClassifier, scores: Floats3d, hidden: list[int]) -> Floats3d:
    """Return the probability of each class by each expert, 0 for hidden classes."""
    to_probabilities = model.ops.sigmoid if model.attrs["multi_label"] else model.ops.softmax
    if not hidden:
        return to_probabilities(scores)
    shown = np.setdiff1d(np.arange(scores.shape[-1]), hidden)
    probabilities = model.ops.xp.zeros_like(scores)
    of_shown = cast(Floats3d, cast(Any, scores)[..., shown])
    cast(Any, probabilities)[..., shown] = to_probabilities(model.ops.as_contig(of_shown))
    return probabilities
