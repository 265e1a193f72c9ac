"""Trained language models as contextual encoders of other components."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from spacy.tokens import Doc
from spacy.util import load_model
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ..bridge.access import network_shim
from ..bridge.flat import unflatten
from ..checks import check_count
from ..text.subwords import END
from ..types import Embedding
from .language_model import LanguageModelT, units_of

if TYPE_CHECKING:
    from ..nn.lm.model import LanguageModel


def build_lm_encoder_v1(
    model: LanguageModelT,
    source: str | Path | None = None,
    component: str = "rnn_lm",
    trainable: bool = False,
    rate_decay: float = 1.0,
    unfreeze_steps: int = 0,
) -> Embedding:
    """Build an encoder whose vectors are the hidden states of a language model after each token.

    Of a model over characters these are contextual string embeddings (Akbik et al. 2018).

    It is a `tok2vec` of other components. The weights and the vocabulary are copied at
    `initialize`, and stored with the component from then on. `concatenate.v1` combines a forward
    and a backward model.

    model (LanguageModelT): The architecture of the language model.
    source (str | Path | None): The pipeline with the trained model: a package or a folder, loaded
        at `initialize`.
    component (str): The name of the language model in that pipeline.
    trainable (bool): Whether its weights are trained further or frozen.
    rate_decay (float): The factor of the learning rate of the top layer, and once more of each
        layer below: discriminative fine-tuning, for which 1 / 2.6 was found to be good (Howard &
        Ruder 2018, section 3.2).
    unfreeze_steps (int): Steps before the top layer is trained, and again before each layer below:
        gradual unfreezing (section 3.3 there). 0 trains all layers from the start.
    RETURNS (Embedding): The encoder.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    from ..bridge.shim import NetworkShim
    from ..bridge.weights import build_shapes

    check_count("unfreeze_steps", unfreeze_steps, 0)
    if not 0 < rate_decay <= 1:
        raise ValueError(
            f"rate_decay is {rate_decay}, but has to be above 0 and at most 1, which gives all "
            f"layers one learning rate"
        )

    language_model = network_shim(model)
    shapes = build_shapes(language_model.build_network, language_model.dims)
    network = cast("LanguageModel", shapes).network
    shim = NetworkShim(
        language_model.build_network,
        {"pieces": 1},
        mixed_precision=language_model.mixed_precision,
        method="encode",
        rate=partial(
            rate_of_layer, depth=network.depth, decay=rate_decay, unfreeze_steps=unfreeze_steps
        ),
    )
    return Model(
        "lm_encoder",
        partial(forward, trainable=trainable),
        init=partial(init, source=source, component=component),
        shims=[shim],
        dims={"nO": network.width},
        attrs={"dropout_rate": 0.0, "units": b"", "backward": False},
    )


def rate_of_layer(
    name: str, steps: int, *, depth: int, decay: float, unfreeze_steps: int
) -> float:
    """Return the factor of the learning rate of a parameter.

    name (str): The name of the parameter.
    steps (int): The steps taken so far.
    depth (int): Layers of the recurrent network; the embeddings are below them.
    decay (float): The factor from layer to layer.
    unfreeze_steps (int): Steps from layer to layer before they are trained.
    RETURNS (float): The factor: 0 while the layer is frozen.
    """
    number = re.match(r"network\.(?:layers|norms)\.(\d+)\.", name)
    distance = depth - int(number[1]) if number else depth + 1
    return decay**distance if steps >= distance * unfreeze_steps else 0.0


def forward(
    model: Embedding, docs: list[Doc], is_train: bool, *, trainable: bool
) -> tuple[list[Floats2d], Callable]:
    """Encode documents.

    model (Embedding): The encoder.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow, where the encoder is trainable.
    trainable (bool): Whether it is.
    RETURNS (tuple[list[Floats2d], Callable]): For each document an array `(tokens, nO)`, and a
        callback from its gradient.
    """
    import torch

    shim = network_shim(model)
    learns = is_train and trainable and shim.prepare_step()
    if learns:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    texts, rows, start = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], 0
    for doc in docs:
        text, last_pieces = _segment(model, doc)
        texts.append(text)
        rows.append(last_pieces + start)
        start += len(text)
    lengths = torch.tensor([len(text) for text in texts[1:]], dtype=torch.int64)
    pieces, words = (
        torch.from_numpy(np.concatenate(arrays)).to(shim.device) for arrays in (texts, rows)
    )
    vectors, backprop_network = shim(ArgsKwargs((pieces, lengths, words), {}), learns)
    flat = cast(Floats2d, torch2xp(vectors, ops=model.ops))

    def backprop(d_vectors: list[Floats2d]) -> list[Doc]:
        if learns:
            gradient = xp2torch(model.ops.flatten(d_vectors), device=shim.device)
            backprop_network(ArgsKwargs((vectors,), {"grad_tensors": gradient}))
        return docs

    return unflatten(flat, map(len, docs)), backprop


def init(
    model: Embedding,
    X: list[Doc] | None = None,
    Y: Any = None,
    *,
    source: str | Path | None,
    component: str,
) -> None:
    """Copy the weights and the vocabulary of a trained language model.

    model (Embedding): The encoder.
    X (list[Doc] | None): Not needed.
    Y (Any): Not needed.
    source (str | Path | None): The pipeline with the trained model.
    component (str): The name of the language model in that pipeline.
    RAISES (ValueError): If there is no such component, or it has another architecture.
    """
    if source is None:
        raise ValueError(
            "spacy-rnn.LMEncoder.v1 needs a trained language model: set source to the pipeline "
            "that has it"
        )
    nlp = load_model(source)
    if component not in nlp.pipe_names:
        raise ValueError(
            f'There is no component "{component}" in {source}, but {", ".join(nlp.pipe_names)}'
        )
    trained = cast(Any, nlp.get_pipe(component))
    if "units" not in getattr(getattr(trained, "model", None), "attrs", {}):
        raise ValueError(
            f'The component "{component}" in {source} is no language model: set component to the '
            f"name of one"
        )
    network_shim(model).from_bytes(network_shim(trained.model).to_bytes())
    model.attrs["units"] = trained.model.attrs["units"]
    model.attrs["backward"] = trained.backward


def _segment(model: Embedding, doc: Doc) -> tuple[np.ndarray, np.ndarray]:
    """Segment a document in the order in which the model reads it, and find each token's piece.

    It is the piece after which the token has been read: its last one, or the one that it is a
    part of.
    """
    units = units_of(model)
    pieces = units.encode(doc)
    tokens = units.token_indices(doc, pieces)
    indices = np.arange(len(doc))
    last_pieces = np.searchsorted(tokens, indices, side="right") - 1
    if model.attrs["backward"]:
        firsts = np.searchsorted(tokens, indices, side="left").clip(max=max(0, len(pieces) - 1))
        has_piece = tokens[firsts] == indices if len(pieces) else np.zeros(len(doc), dtype=bool)
        last_pieces = len(pieces) - 1 - np.where(has_piece, firsts, last_pieces)
        pieces = pieces[::-1]
    # The end symbol of another text is read first. It stands for tokens without any piece.
    return np.append(END, pieces), last_pieces + 1
