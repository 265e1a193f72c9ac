"""Classifiers of documents, for every place where spaCy takes a text classifier."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from spacy.ml.models.textcat import build_bow_text_classifier_v3
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d
from thinc.util import get_width

from ..types import Embedding, TextClassifier

if TYPE_CHECKING:
    from ..nn.pooling import MakePooling
    from .shim import NetworkShim


def build_text_classifier_v1(
    tok2vec: Embedding,
    pooling: "MakePooling",
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
    ngram_size (int): Up to how many tokens an n-gram has, whose weights are added to the
        scores of classes. 0 for no n-grams.
    ngram_rows (int): For how many n-grams there are weights, a power of 2: they are hashed.
    nO (int | None): Classes. Default: those of the training data.
    RETURNS (TextClassifier): The classifier.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    from ..nn.classifier import Classifier
    from ..nn.recurrent import check_at_least
    from ..nn.regularize import check_rate
    from .shim import NetworkShim

    check_rate(dropout or 0.0, "dropout")
    check_at_least("ngram_size", ngram_size, 0)
    layers: list[Model] = [tok2vec]
    if ngram_size:
        layers.append(
            build_bow_text_classifier_v3(
                exclusive_classes, ngram_size, no_output_layer=True, length=ngram_rows, nO=nO
            )
        )
    network = partial(Classifier, pooling=pooling, dropout=dropout)
    width = tok2vec.get_dim("nO") if tok2vec.has_dim("nO") else 2
    return Model(
        "text_classifier",
        forward,
        init=init,
        layers=layers,
        shims=[NetworkShim(network, {"inputs": width, "labels": nO or 1})],
        dims={"nO": nO},
        refs={"tok2vec": tok2vec, "ngrams": layers[1] if ngram_size else None},
        attrs={"dropout_rate": 0.0, "multi_label": not exclusive_classes},
    )


def forward(model: TextClassifier, docs: list[Doc], is_train: bool) -> tuple[Floats2d, Callable]:
    """Classify documents.

    model (TextClassifier): The classifier.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats2d, Callable]): The probability of each class, `(docs, classes)`, and
        a callback that takes the gradient of the scores that the probabilities are made of:
        for cross-entropy, what the probabilities have too much.
    """
    shim = cast("NetworkShim", model.shims[0])
    vectors, backprop_tokens = model.get_ref("tok2vec")(docs, is_train)
    inputs = _lay_out(model, docs, vectors, is_train)
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    (outputs, _), backprop_network = shim(inputs, is_train)
    scores = cast(Floats2d, torch2xp(outputs, ops=model.ops))
    backprop_ngrams = None
    if ngrams := model.maybe_get_ref("ngrams"):
        own, backprop_ngrams = ngrams(docs, is_train)
        scores = scores + own

    def backprop(d_scores: Floats2d) -> list[Doc]:
        if backprop_ngrams is not None:
            backprop_ngrams(d_scores)
        gradient = xp2torch(d_scores, device=shim.device)
        d_inputs = backprop_network(ArgsKwargs((outputs,), {"grad_tensors": gradient}))
        d_vectors = cast(Floats2d, torch2xp(d_inputs.args[0], ops=model.ops))
        lengths = model.ops.asarray1i([len(doc) for doc in docs])
        backprop_tokens(model.ops.unflatten(d_vectors, lengths))
        return []

    return _to_probabilities(model, scores), backprop


def attend(model: TextClassifier, docs: list[Doc]) -> list[list[float]]:
    """Tell how much each token counts for the classes of its document.

    model (TextClassifier): The classifier.
    docs (list[Doc]): The documents.
    RETURNS (list[list[float]]): For each document a number of each token: together 1.
    RAISES (ValueError): If the pooling is without attention.
    """
    shim = cast("NetworkShim", model.shims[0])
    vectors = model.get_ref("tok2vec").predict(docs)
    _, weights = shim.predict(_lay_out(model, docs, vectors, False))
    if weights is None:
        raise ValueError(
            "This text classifier pools without attention, so that there are no weights to show: "
            "train it with spacy-rnn.attention_pooling.v1 or spacy-rnn.hierarchical_pooling.v1"
        )
    return [each.tolist() for each in weights.split([len(doc) for doc in docs])]


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
    if ngrams := model.maybe_get_ref("ngrams"):
        ngrams.initialize(X=X, Y=Y)
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
    if not cast(Any, shim._model).pooling.reads_sentences:
        return ArgsKwargs((data, lengths, lengths, torch.ones_like(lengths)), {})
    sentences = [_cut_sentences(doc) for doc in docs]
    sizes = torch.tensor([size for own in sentences for size in own], dtype=torch.int64)
    counts = torch.tensor([len(own) for own in sentences], dtype=torch.int64)
    return ArgsKwargs((data, lengths, sizes, counts), {})


def _cut_sentences(doc: Doc) -> list[int]:
    """Count the tokens of each sentence; those of a document without sentences are in one."""
    if doc.has_annotation("SENT_START"):
        return [len(sentence) for sentence in doc.sents]
    return [len(doc)]


def _to_probabilities(model: TextClassifier, scores: Floats2d) -> Floats2d:
    if model.attrs["multi_label"]:
        return model.ops.sigmoid(scores)
    return model.ops.softmax(scores)
