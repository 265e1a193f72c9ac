"""Linear-chain CRFs over the label scores of any model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d

from ..bridge.access import network_shim
from ..bridge.flat import unflatten
from ..bridge.loading import CheckedModel
from ..nn.crf.constraints import TransitionConstraints
from ..types import AllowedLabels, CRFModel, Labeller, LabelScores

if TYPE_CHECKING:
    from torch import Tensor

    from ..nn.crf.model import CRF


def with_crf(scorer: Labeller, constraints: Callable[[int], TransitionConstraints]) -> Labeller:
    """Combine a model that scores labels with a CRF.

    scorer (Labeller): The model that scores each label at each token, with the layer of the
        scores as its ref "output_layer".
    constraints (Callable[[int], TransitionConstraints]): Makes the constraints on transitions for
        a number of labels.
    RETURNS (Labeller): A model with the same scores, and the CRF as its ref "crf".
    """
    crf, output_layer = make_crf(constraints), scorer.get_ref("output_layer")
    return CheckedModel(
        "crf_labeller",
        forward_scores,
        init=init_scores,
        layers=[scorer, crf],
        dims={"nO": output_layer.get_dim("nO") if output_layer.has_dim("nO") else None},
        refs={
            "crf": crf,
            "scorer": scorer,
            "tok2vec": scorer.get_ref("tok2vec"),
            "output_layer": output_layer,
        },
    )


def make_crf(constraints: Callable[[int], TransitionConstraints]) -> CRFModel:
    """Make a CRF.

    constraints (Callable[[int], TransitionConstraints]): Makes the constraints on transitions for
        a number of labels.
    RETURNS (CRFModel): The CRF: from scores and allowed labels to negative log-likelihoods.
    """
    from ..bridge.shim import NetworkShim
    from ..nn.crf.model import CRF

    shim = NetworkShim(partial(CRF, constraints=constraints), {"labels": 1})
    return Model("crf", forward_loss, shims=[shim])


def forward_scores(
    model: Labeller, docs: list[Doc], is_train: bool
) -> tuple[LabelScores, Callable]:
    """Score labels.

    model (Labeller): The model.
    docs (list[Doc]): Documents.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[LabelScores, Callable]): For each document an array `(tokens, labels)`, and
        a callback from its gradient.
    """
    return model.get_ref("scorer")(docs, is_train)


def init_scores(
    model: Labeller, X: list[Doc] | None = None, Y: list[Floats2d] | None = None
) -> None:
    """Build the CRF for the number of labels that are scored.

    model (Labeller): The model.
    X (list[Doc] | None): Sample documents.
    Y (list[Floats2d] | None): Sample scores.
    """
    scorer = model.get_ref("scorer")
    scorer.initialize(X=X, Y=Y)
    model.set_dim("nO", scorer.get_dim("nO"), force=True)
    network_shim(model.get_ref("crf")).build(labels=scorer.get_dim("nO"))


def forward_loss(
    model: CRFModel, inputs: tuple[LabelScores, AllowedLabels], is_train: bool
) -> tuple[Floats1d, Callable]:
    """Compute the negative log-likelihood of partial annotations.

    model (CRFModel): The CRF.
    inputs (tuple[LabelScores, AllowedLabels]): Scores of labels, and the labels that the
        annotation allows at each token.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats1d, Callable]): The negative log-likelihood of each document, and a
        callback from its gradient to that of the scores.
    """
    scores, allowed = inputs
    words, lengths = _to_torch(model, scores, is_train)
    arguments = (words, lengths, _mask(model, allowed))
    losses, backprop_network = network_shim(model)(ArgsKwargs(arguments, {}), is_train)

    def backprop(d_losses: Floats1d) -> LabelScores:
        gradients = {"grad_tensors": xp2torch(d_losses, device=losses.device)}
        d_words = backprop_network(ArgsKwargs((losses,), gradients)).args[0]
        array = cast(Floats2d, torch2xp(d_words, ops=model.ops))
        return unflatten(array, lengths.tolist())

    return cast(Floats1d, torch2xp(losses, ops=model.ops)), backprop


def distill_sequences(model: Labeller, earlier: Labeller, docs: list[Doc]) -> float:
    """Add the gradients that bring predictions closer to those of an earlier model.

    model (Labeller): The model.
    earlier (Labeller): The earlier one, perhaps of fewer labels.
    docs (list[Doc]): Documents that are not empty.
    RETURNS (float): The Kullback-Leibler divergence of the two distributions of sequences.
    """
    crf, earlier_crf = model.get_ref("crf"), earlier.get_ref("crf")
    scores, backprop = model.begin_update(docs)
    words, lengths = _to_torch(crf, scores, requires_grad=True)
    taught, _ = _to_torch(earlier_crf, earlier.predict(docs))
    network = cast("CRF", network_shim(crf).network)
    loss = network.distill(words, lengths, cast("CRF", network_shim(earlier_crf).network), taught)
    loss.backward()
    gradient = torch2xp(cast("Tensor", words.grad), ops=model.ops)
    backprop(unflatten(cast(Floats2d, gradient), lengths.tolist()))
    return float(loss.detach())


def best_labels(
    model: CRFModel, scores: LabelScores, allowed: AllowedLabels | None = None
) -> np.ndarray:
    """Find the most probable sequence of labels of each document.

    model (CRFModel): The CRF.
    scores (LabelScores): Scores of labels.
    allowed (AllowedLabels | None): Which of them are allowed. None for all.
    RETURNS (np.ndarray): The label of each token of all documents, `(tokens,)`.
    """
    with _predicting(model, scores, allowed) as (crf, words, lengths, mask):
        return crf.viterbi(words, lengths, mask).cpu().numpy()


class LabelSequence(NamedTuple):
    """A sequence of labels of a document.

    labels (np.ndarray): The label of each token.
    probability (float): The probability of the sequence.
    """

    labels: np.ndarray
    probability: float


def k_best_labels(
    model: CRFModel, scores: LabelScores, k: int, allowed: AllowedLabels | None = None
) -> list[list[LabelSequence]]:
    """Find the k most probable sequences of labels of each document.

    model (CRFModel): The CRF.
    scores (LabelScores): Scores of labels.
    k (int): The number of sequences.
    allowed (AllowedLabels | None): Which of them are allowed. None for all.
    RETURNS (list[list[LabelSequence]]): The sequences of each document, the most probable first.
    """
    with _predicting(model, scores, allowed) as (crf, words, lengths, mask):
        return [
            [
                LabelSequence(labels, probability)
                for labels, probability in zip(
                    paths.labels.cpu().numpy(),
                    paths.log_probabilities.exp().clamp(max=1.0).tolist(),  # But for rounding.
                    strict=True,
                )
            ]
            for paths in crf.k_best(words, lengths, k, mask)
        ]


def label_probabilities(
    model: CRFModel, scores: LabelScores, labels: np.ndarray, allowed: AllowedLabels | None = None
) -> np.ndarray:
    """Compute marginal probabilities of labels.

    model (CRFModel): The CRF.
    scores (LabelScores): Scores of labels.
    labels (np.ndarray): A label for each token of all documents, `(tokens,)`.
    allowed (AllowedLabels | None): Which of them are allowed. None for all.
    RETURNS (np.ndarray): The marginal probability of each label, `(tokens,)`.
    """
    with _predicting(model, scores, allowed) as (crf, words, lengths, mask):
        marginals = crf.marginals(words, lengths, mask).cpu().numpy()
    return marginals[np.arange(len(labels)), labels]


def span_probabilities(
    model: CRFModel,
    scores: LabelScores,
    labels: np.ndarray,
    spans: tuple[np.ndarray, np.ndarray],
    allowed: AllowedLabels | None = None,
) -> np.ndarray:
    """Compute the marginal probability that all tokens of a span have their labels.

    model (CRFModel): The CRF.
    scores (LabelScores): Scores of labels.
    labels (np.ndarray): A label for each token of all documents, `(tokens,)`.
    spans (tuple[np.ndarray, np.ndarray]): The first token of each span and the token after
        its last one, numbered over all documents.
    allowed (AllowedLabels | None): Which of them are allowed. None for all.
    RETURNS (np.ndarray): The probability of each span.
    """
    import torch

    starts, ends = spans
    with _predicting(model, scores, allowed) as (crf, words, lengths, mask):
        path = torch.as_tensor(labels, device=words.device)
        marginals, conditionals = crf.path_marginals(words, lengths, path, mask)
        total = conditionals.double().cumsum(0).cpu().numpy()
        first = marginals.cpu().numpy()[starts]
    return np.exp(first + total[ends - 1] - total[starts])


@contextmanager
def _predicting(
    model: CRFModel, scores: LabelScores, allowed: AllowedLabels | None
) -> "Iterator[tuple[CRF, Tensor, Tensor, Tensor | None]]":
    """Yield the network for prediction, and its inputs."""
    with network_shim(model).predictor() as network:
        words, lengths = _to_torch(model, scores)
        mask = None if allowed is None else _mask(model, allowed)
        yield cast(Any, network), words, lengths, mask


def _to_torch(
    model: CRFModel, scores: LabelScores, requires_grad: bool = False
) -> "tuple[Tensor, Tensor]":
    """Concatenate the scores of all documents."""
    import torch

    flat = model.ops.xp.concatenate(scores)
    lengths = torch.tensor([len(document) for document in scores], dtype=torch.int64)
    return xp2torch(flat, requires_grad, network_shim(model).device), lengths


def _mask(model: CRFModel, allowed: AllowedLabels) -> "Tensor":
    import torch

    return torch.as_tensor(allowed, dtype=torch.bool, device=network_shim(model).device)
