"""Decoders and attention as settings."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..nn.seq2seq.decoder import Decoder


def build_recurrent_decoder_v1(
    width: int = 512,
    depth: int = 1,
    *,
    embed_width: int = 256,
    readout_width: int = 256,
    cell: str = "gru",
    deep_output: bool = True,
    input_feeding: bool = False,
    bridge: str = "dense",
    tied_softmax: bool = True,
    label_smoothing: float = 0.1,
    dropout: float | None = None,
    word_dropout: float = 0.0,
) -> "Callable[..., Decoder]":
    """Describe a recurrent decoder.

    width (int): Features of the recurrent network.
    depth (int): Layers.
    embed_width (int): Features of each embedding.
    readout_width (int): Features of what the softmax is computed from.
    cell (str): A cell by name, see `spacy_rnn.nn.rnn.cells`.
    deep_output (bool): Whether the readout also sees the piece that was read (Bahdanau et al.
        2015).
    input_feeding (bool): Whether each step reads the readout of the one before (Luong et al.
        2015): training goes step by step then.
    bridge (str): What the decoder starts from: "zero", "last" or "dense".
    tied_softmax (bool): Whether the softmax has the embeddings as its weights.
    label_smoothing (float): The share of the right piece that is spread over all.
    dropout (float | None): Locked dropout. None for `training.dropout`.
    word_dropout (float): Share of pieces that are not shown in training.
    RETURNS (Callable[..., Decoder]): Makes the decoder.
    """
    from ..nn.seq2seq.decoder import Decoder

    return partial(
        Decoder,
        width=width,
        depth=depth,
        embed_width=embed_width,
        readout_width=readout_width,
        cell=cell,
        deep_output=deep_output,
        input_feeding=input_feeding,
        bridge=bridge,
        tied_softmax=tied_softmax,
        label_smoothing=label_smoothing,
        dropout=dropout,
        word_dropout=word_dropout,
    )
