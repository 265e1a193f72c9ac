"""A trained language model as the embedding and encoder of another component."""

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

from ..bridge.flat import unflatten
from ..checks import check_count
from ..text.units import END, load_units
from .language_model import LanguageModelT

if TYPE_CHECKING:
    from ..bridge.shim import NetworkShim
    from ..nn.lm.model import LanguageModel

LMEncoder = Model[list[Doc], list[Floats2d]]
"""Documents come in, and for each an array `(tokens, nO)` goes out."""


def build_lm_encoder_v1(
    model: LanguageModelT,
    source: str | Path | None = None,
    component: str = "rnn_lm",
    trainable: bool = False,
    rate_decay: float = 1.0,
    unfreeze_steps: int = 0,
) -> LMEncoder:
    """Build an encoder whose vectors are what a language model knows after each token: contextual
    string embeddings, for a model over characters (Akbik et al. 2018).

    It stands where spaCy takes a `tok2vec`. The weights and the vocabulary are copied at
    `initialize`, and stored with the component from then on. A forward and a backward model go
    side by side with `concatenate.v1`.

    model (LanguageModelT): The architecture of the language model.
    source (str | Path | None): The pipeline that has it: a package or a folder, read at
        `initialize`.
    component (str): Its name there.
    trainable (bool): Whether its weights are trained on or stay as they are.
    rate_decay (float): What the learning rate of its top layer is multiplied by, and that of each
        layer below once more: discriminative fine-tuning, for which 1 / 2.6 was found to be good
        (Howard & Ruder 2018, section 3.2).
    unfreeze_steps (int): Steps after which the top layer is trained, and after as many more each
        time the layer below too: gradual unfreezing (section 3.3 there). 0 trains all at once.
    RETURNS (LMEncoder): The encoder.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    from ..bridge.shim import NetworkShim

    check_count("unfreeze_steps", unfreeze_steps, 0)
    if not 0 < rate_decay <= 1:
        raise ValueError(
            f"rate_decay is {rate_decay}, but has to be above 0 and at most 1, which gives all "
            f"layers one learning rate"
        )

    language_model = cast("NetworkShim", model.shims[0])
    network = cast("LanguageModel", language_model._model).network
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
        forward,
        init=partial(init, source=source, component=component),
        shims=[shim],
        dims={"nO": network.width},
        attrs={"dropout_rate": 0.0, "units": b"", "backward": False, "trainable": trainable},
    )


def rate_of_layer(
    name: str, steps: int, *, depth: int, decay: float, unfreeze_steps: int
) -> float:
    """Tell how fast a parameter of a language model is trained.

    name (str): Its name.
    steps (int): The steps taken so far.
    depth (int): Layers of the recurrent network; the embeddings are below them.
    decay (float): What the learning rate is multiplied by from layer to layer.
    unfreeze_steps (int): Steps from layer to layer before they are trained.
    RETURNS (float): What the learning rate is multiplied by.
    """
    number = re.match(r"network\.(?:layers|norms)\.(\d+)\.", name)
    down = depth - int(number[1]) if number else depth + 1
    return decay**down if steps >= down * unfreeze_steps else 0.0


def forward(model: LMEncoder, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    """Give a vector for each token.

    model (LMEncoder): The encoder.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow, where the encoder is trainable.
    RETURNS (tuple[list[Floats2d], Callable]): For each document an array `(tokens, nO)`, and a
        callback from its gradient.
    """
    import torch

    shim = cast("NetworkShim", model.shims[0])
    learns = is_train and model.attrs["trainable"] and shim.prepare_step()
    if learns:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    texts, rows, start = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], 0
    for doc in docs:
        text, places = _read(model, doc)
        texts.append(text)
        rows.append(places + start)
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
    model: LMEncoder,
    X: list[Doc] | None = None,
    Y: Any = None,
    *,
    source: str | Path | None,
    component: str,
) -> None:
    """Copy the weights and the vocabulary of a trained language model.

    model (LMEncoder): The encoder.
    X (list[Doc] | None): Not needed.
    Y (Any): Not needed.
    source (str | Path | None): The pipeline that has it.
    component (str): Its name there.
    RAISES (ValueError): If it is not there, or of another architecture.
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
    model.shims[0].from_bytes(trained.model.shims[0].to_bytes())
    model.attrs["units"] = trained.model.attrs["units"]
    model.attrs["backward"] = trained.backward


def _read(model: LMEncoder, doc: Doc) -> tuple[np.ndarray, np.ndarray]:
    """Cut a document as the model reads it, and tell which piece each token is known by: its last
    one that is read, or the one that it is a part of."""
    units = load_units(model.attrs["units"])
    pieces = units.encode(doc)
    tokens = units.token_indices(doc, pieces)
    numbers = np.arange(len(doc))
    places = np.searchsorted(tokens, numbers, side="right") - 1
    if model.attrs["backward"]:
        firsts = np.searchsorted(tokens, numbers, side="left").clip(max=max(0, len(pieces) - 1))
        own = tokens[firsts] == numbers if len(pieces) else np.zeros(len(doc), dtype=bool)
        places = len(pieces) - 1 - np.where(own, firsts, places)
        pieces = pieces[::-1]
    # The end of another text is read first: it is what a token without any piece is known by.
    return np.append(END, pieces), places + 1
