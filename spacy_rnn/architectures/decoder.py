"""Decoders as settings of an encoder-decoder."""

from functools import partial
from typing import TYPE_CHECKING

from ..nn.rnn.settings import RecurrentSettings

if TYPE_CHECKING:
    from ..nn.seq2seq.model import MakeDecoder


def build_recurrent_decoder_v1(
    network: RecurrentSettings,
    *,
    embed_width: int = 256,
    readout_width: int = 256,
    deep_output: bool = True,
    input_feeding: bool = False,
    bridge: str = "dense",
    tied_softmax: bool = True,
    label_smoothing: float = 0.1,
    r_drop: float = 0.0,
) -> "MakeDecoder":
    """A recurrent decoder with attention.

    network (RecurrentSettings): The recurrent network, `spacy-rnn.recurrent_network.v1`, which
        reads forwards.
    embed_width (int): Features of each embedding.
    readout_width (int): Features of the readout, the input of the softmax.
    deep_output (bool): Whether the readout also sees the previous piece (Bahdanau et al. 2015).
    input_feeding (bool): Whether each step also reads the previous readout (Luong et al. 2015),
        which makes training go step by step.
    bridge (str): How the states are initialised: "zero", "last" or "dense".
    tied_softmax (bool): Whether the softmax has the embeddings as its weights.
    label_smoothing (float): The share of the probability of the right piece that is spread evenly
        over the vocabulary in training.
    r_drop (float): The weight of R-Drop in training, alpha in Wu et al. (2021): each batch passes
        the network twice with different dropout, and the two distributions of each piece are drawn
        together. 0 to leave it out.
    RETURNS (MakeDecoder): Makes the decoder.
    """
    from ..nn.seq2seq.decoder import Decoder

    return partial(
        Decoder,
        network=network,
        embed_width=embed_width,
        readout_width=readout_width,
        deep_output=deep_output,
        input_feeding=input_feeding,
        bridge=bridge,
        tied_softmax=tied_softmax,
        label_smoothing=label_smoothing,
        r_drop=r_drop,
    )
