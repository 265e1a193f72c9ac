"""More labels for trained models: what there is stays exactly as it was."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from thinc.api import Model

from ..bridge.access import network_shim

# Under this name spaCy finds how a model grows, and that it can.
RESIZE = "resize_output"
UNSEEN = "unseen"


def make_resizable(model: Model) -> None:
    """Let a model that scores labels have more of them after it was trained.

    A score that no training has seen an example of is not predicted.

    model (Model): The model, with the layer of its scores as its ref "output_layer", with a
        network whose dimension "labels" they are, or with both, the network in its ref "crf".
    """
    model.attrs[RESIZE] = resize
    model.attrs[UNSEEN] = []


def resize(model: Model, nO: int) -> Model:
    """Give a model more scores, of weights that are zero.

    The weights that grow have a new owner for an optimizer, whose moments and averages are of the
    old size.

    model (Model): A model that was made resizable.
    nO (int): The number of scores, at least as many as there are. Ignored before the model is
        initialized.
    RETURNS (Model): The same model.
    """
    if not model.has_dim("nO"):
        return model
    old = model.get_dim("nO")
    if model.has_ref("output_layer"):
        _replace(model, model.get_ref("output_layer"), nO)
    else:
        model.set_dim("nO", nO, force=True)
    network = model.get_ref("crf") if model.has_ref("crf") else model
    if network.shims:
        network_shim(network).grow(labels=nO)
    model.attrs[UNSEEN] = [*model.attrs[UNSEEN], *range(old, nO)]
    return model


def _replace(model: Model, layer: Model, nO: int) -> None:
    """Replace a layer by a larger one, wherever the model has it."""
    larger: Model[Any, Any] = Model(
        layer.name,
        layer._func,
        init=layer.init,
        dims={"nO": nO, "nI": layer.get_dim("nI")},
        params={"W": None, "b": None},
        attrs=dict(layer.attrs),
    )
    for name in layer.param_names:
        param = layer.get_param(name)
        grown = layer.ops.xp.zeros((nO, *param.shape[1:]), param.dtype)
        grown[: len(param)] = param
        larger.set_param(name, grown)
    nodes = list(model.walk())
    for node in nodes:
        node._layers[:] = [larger if each is layer else each for each in node._layers]
    for node in nodes:
        for name in node.ref_names:
            if node.has_ref(name) and node.get_ref(name) is layer:
                node.set_ref(name, larger)
    for node in model.walk():
        if node is not larger and node.has_dim("nO") and larger in node.walk():
            node.set_dim("nO", nO, force=True)


def get_unseen(model: Model) -> list[int]:
    """Return the scores that no training has seen an example of.

    model (Model): The model, resizable or not.
    RETURNS (list[int]): Their indices.
    """
    return model.attrs.get(UNSEEN, [])


def note_seen(model: Model, scores: Iterable[int]) -> None:
    """Note that a training has seen examples of scores, which are predicted from then on.

    model (Model): The model, resizable or not.
    scores (Iterable[int]): Their indices.
    """
    if unseen := get_unseen(model):
        model.attrs[UNSEEN] = np.setdiff1d(unseen, list(scores)).tolist()


def forget_unseen(model: Model) -> None:
    """Note that a model has fresh weights for all scores.

    model (Model): The model, resizable or not.
    """
    if UNSEEN in model.attrs:
        model.attrs[UNSEEN] = []
