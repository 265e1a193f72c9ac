"""Recurrent encoders, for any `encode` of spaCy's Tok2Vec layers."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from thinc.api import ArgsKwargs, Model, torch2xp
from thinc.types import Floats2d
from thinc.util import get_width

from ..bridge.access import network_shim
from ..bridge.flat import unflatten
from ..checks import check_rate
from ..nn.rnn.settings import RecurrentSettings
from ..types import Encoder

if TYPE_CHECKING:
    from torch import Tensor


def build_bilstm_encoder_v1(width: int, depth: int, dropout: float) -> Encoder:
    """Build a bidirectional LSTM, a drop-in replacement of `spacy.TorchBiLSTMEncoder.v1`.

    width (int): Features of each output, half of them from each direction.
    depth (int): Layers.
    dropout (float): Rate of the locked dropout between layers and on the output, until
        `training.dropout` sets another one.
    RETURNS (Encoder): The encoder.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    return build_recurrent_encoder_v1(width, depth, cell="lstm", dropout=dropout)


def build_bigru_encoder_v1(width: int, depth: int, dropout: float) -> Encoder:
    """Build a bidirectional GRU, with the settings of `spacy.TorchBiLSTMEncoder.v1`.

    width (int): Features of each output, half of them from each direction.
    depth (int): Layers.
    dropout (float): Rate of the locked dropout between layers and on the output, until
        `training.dropout` sets another one.
    RETURNS (Encoder): The encoder.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    return build_recurrent_encoder_v1(width, depth, cell="gru", dropout=dropout)


def build_recurrent_encoder_v1(
    width: int,
    depth: int = 1,
    *,
    cell: str = "lstm",
    bidirectional: bool = True,
    merge: str = "concat",
    residual: bool = False,
    layer_norm: bool = False,
    initial_state: str = "zero",
    dropout: float = 0.0,
    dropout_input: float | None = 0.0,
    dropout_layers: float | None = None,
    dropout_output: float | None = None,
    word_dropout: float = 0.0,
    weight_drop: float = 0.0,
    zoneout_hidden: float = 0.0,
    zoneout_cell: float = 0.0,
    forget_bias: float = 1.0,
    chrono_init: int | None = None,
    cell_width: int | None = None,
    heads: int = 1,
    mixed_precision: bool = False,
) -> Encoder:
    """Build a recurrent encoder. Its results do not depend on the batch.

    The settings of the network are those of `RecurrentSettings`, where they are described in more
    detail.

    width (int): Features of each output, both directions together. The input may be of any width.
    depth (int): Layers.
    cell (str): The cell: "lstm", "gru", "rnn_tanh", "rnn_relu", "mgu" (Zhou et al. 2016),
        "indrnn" (Li et al. 2018), "peephole" (Gers & Schmidhuber 2000), "cifg" (Greff et al.
        2017), "layer_norm_lstm", "layer_norm_gru" (Ba et al. 2016), "lstmp" (Sak et al. 2014),
        "mlstm" (Beck et al. 2024), "ssru" (Kim et al. 2019), "sru" (Lei et al. 2018), "qrnn",
        "qrnn_2" (Bradbury et al. 2017), "min_gru" or "min_lstm" (Feng et al. 2024).
    bidirectional (bool): Whether each layer also reads backwards.
    merge (str): How two directions become one output: "concat", each of half the width,
        or "sum", each of the whole width.
    residual (bool): Whether a layer's input is added to its output, where the two are of
        one width.
    layer_norm (bool): Whether to normalise between layers.
    initial_state (str): The initial states: "zero" or "learned".
    dropout (float): Rate of the dropouts below that are None, until `training.dropout` sets
        another one.
    dropout_input (float | None): Rate of the locked dropout on the input. Locked dropout drops the
        same features at all tokens of a document.
    dropout_layers (float | None): Rate of the locked dropout between layers.
    dropout_output (float | None): Rate of the locked dropout on the output.
    word_dropout (float): Share of tokens whose input is dropped in training.
    weight_drop (float): Share of recurrent weights dropped in training, of cells that have them.
    zoneout_hidden (float): Share of hidden units that keep their value for a step.
    zoneout_cell (float): The same for the cell state, of cells that have one.
    forget_bias (float): Initial bias of the forget gate, of LSTMs and of cells without a product
        with the state. Without effect on other cells, and where `chrono_init` is set.
    chrono_init (int | None): The longest dependency in tokens that the gates are initialised for:
        chrono initialisation.
    cell_width (int | None): Units of the cell state of an "lstmp" in each direction. None for
        twice those of its hidden state.
    heads (int): Heads of an "mlstm", which share its units.
    mixed_precision (bool): Whether to compute in bfloat16 where the hardware has it.
    RETURNS (Encoder): The encoder.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """
    from ..bridge.shim import NetworkShim
    from ..nn.rnn.network import RecurrentNetwork

    settings = RecurrentSettings(
        width,
        depth,
        cell=cell,
        bidirectional=bidirectional,
        merge=merge,
        residual=residual,
        layer_norm=layer_norm,
        initial_state=initial_state,
        dropout_input=dropout_input,
        dropout_layers=dropout_layers,
        dropout_output=dropout_output,
        word_dropout=word_dropout,
        weight_drop=weight_drop,
        zoneout_hidden=zoneout_hidden,
        zoneout_cell=zoneout_cell,
        forget_bias=forget_bias,
        chrono_init=chrono_init,
        cell_width=cell_width,
        heads=heads,
    )
    network = partial(RecurrentNetwork, settings=settings)
    return Model(
        "recurrent_encoder",
        forward,
        init=init,
        dims={"nI": None, "nO": width},
        attrs={"dropout_rate": check_rate("dropout", dropout)},
        shims=[NetworkShim(network, {"inputs": width}, mixed_precision=mixed_precision)],
    )


def forward(
    model: Encoder, tokens: list[Floats2d], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    """Encode documents.

    model (Encoder): The encoder.
    tokens (list[Floats2d]): For each document an array `(tokens, nI)`.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[list[Floats2d], Callable]): For each document an array `(tokens, nO)`,
        and a callback from its gradient to that of what came in.
    RAISES (ValueError): If what comes in has another width than the encoder was
        initialised for, is not of float32, or holds values that are not finite.
    """
    import torch

    if not tokens:
        return [], lambda d_outputs: []
    shim = network_shim(model)
    sizes = [len(document) for document in tokens]
    lengths = torch.tensor(sizes)

    def to_torch(arrays: list[Floats2d]) -> "Tensor":
        return torch.as_tensor(model.ops.flatten(arrays), device=shim.device)

    def from_torch(words: "Tensor") -> list[Floats2d]:
        return unflatten(cast(Floats2d, torch2xp(words, ops=model.ops)), sizes)

    _check_tokens(model, tokens)
    words = to_torch(tokens).requires_grad_(is_train)
    _check_finite(words, lengths)
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    (encoded, _), backprop_network = shim(ArgsKwargs((words, lengths), {"final": False}), is_train)

    def backprop(d_outputs: list[Floats2d]) -> list[Floats2d]:
        gradients = ArgsKwargs((encoded,), {"grad_tensors": to_torch(d_outputs)})
        return from_torch(backprop_network(gradients).args[0])

    return from_torch(encoded), backprop


def init(model: Encoder, X: list[Floats2d] | None = None, Y: list[Floats2d] | None = None) -> None:
    """Build the network for the width of its input, with fresh weights.

    model (Encoder): The encoder.
    X (list[Floats2d] | None): Sample input.
    Y (list[Floats2d] | None): Sample output, not needed: the width is set.
    """
    if X:
        model.set_dim("nI", get_width(X), force=True)
    if not model.has_dim("nI"):
        model.set_dim("nI", model.get_dim("nO"))
    inputs = model.get_dim("nI")
    network_shim(model).build(inputs=inputs)


def _check_tokens(model: Encoder, tokens: list[Floats2d]) -> None:
    """Refuse inputs of another width or type than that of the network."""
    expected = network_shim(model).dims["inputs"]
    found = {(document.shape[1], document.dtype) for document in tokens}
    if found == {(expected, np.dtype("float32"))}:
        return
    widths = {document.shape[1] for document in tokens} - {expected}
    if widths:
        raise ValueError(
            f"Tokens have {min(widths)} features but the encoder reads {expected}: initialize "
            f"it on top of the layer that it stands on now"
        )
    kinds = {str(document.dtype) for document in tokens} - {"float32"}
    if kinds:
        raise ValueError(
            f"Tokens come in as {min(kinds)} but the encoder reads float32: let the layer below "
            f"return that, with array.astype('float32')"
        )


def _check_finite(words: "Tensor", lengths: "Tensor") -> None:
    """Refuse values that are not finite, and name the first token that has some."""
    import torch

    if math.isfinite(words.detach().sum()):
        return
    bad = (~torch.isfinite(words)).any(dim=1).nonzero()
    if not len(bad):
        return
    ends = lengths.cumsum(0)
    document = int(torch.searchsorted(ends, bad[0].cpu(), right=True))
    token = int(bad[0]) - int(ends[document] - lengths[document])
    raise ValueError(
        f"{len(bad)} tokens come in with values that are infinite or not numbers, the first "
        f"is token {token} of document {document} in the batch: check the embeddings or "
        f"vectors below the encoder"
    )
