"""A decoder whose greedy search of a single sentence is one compiled function."""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from ...generation.constraints import DecodingConstraints
from ...generation.settings import Detail
from ...generation.state import SearchState
from ..kernels.arrays import has_numba, to_array
from ..kernels.prepared import MAX_TABLE, PreparedWeights
from ..rnn.cells.ssru import SSRU
from .attention import DotAttention, GeneralAttention, ScaledDotAttention
from .decoder import Decoder
from .stepper import DecoderStepper


class CompiledStepper(DecoderStepper):
    """The step function of a decoder that numba can compile a whole search with.

    decoder (Decoder): The decoder, one that fits.
    """

    @staticmethod
    def fits(decoder: Decoder) -> bool:
        """Whether a search is compiled for a decoder, and numba is there.

        decoder (Decoder): The decoder.
        RETURNS (bool): Whether it fits.
        """
        network, weight = decoder.network, decoder.embedding.weight
        widest = max(network.first.weight_ih.shape[0], decoder.readout.out_features)
        return (
            type(network.cell) is SSRU
            and network.depth == 1
            and not network.residual
            and not any(network.zoneouts)
            and not decoder.input_feeding
            and type(decoder.attention) in (DotAttention, GeneralAttention, ScaledDotAttention)
            and isinstance(decoder.prepared, PreparedWeights)
            and weight.device.type == "cpu"
            and weight.dtype == torch.float32
            and len(weight) * widest <= MAX_TABLE
            and has_numba()
        )

    def search_greedily(
        self, state: SearchState, lengths: Tensor, constraints: DecodingConstraints, detail: Detail
    ) -> tuple[list[int], Tensor, Tensor]:
        """Take all steps of a greedy search.

        state (SearchState): The initial state of one source.
        lengths (Tensor): Its positions, `(1,)`.
        constraints (DecodingConstraints): The constraints, none of which needs the history.
        detail (Detail): How much of the hypothesis is asked for.
        RETURNS (tuple[list[int], Tensor, Tensor]): As `GreedyStep.search_greedily` does.
        """
        from ..kernels.compiled import search_ssru

        decoder = self._decoder
        prepared = cast(PreparedWeights, decoder.prepared)
        (weights,) = decoder.network.weights_of_layer(0)
        keys, values, _ = state.sentences
        gates = prepared.table(decoder.embedding, weights.weight_ih, weights.bias_ih)
        words = None
        if decoder.deep_output_layer is not None:
            table = prepared.table(decoder.embedding, decoder.deep_output_layer.weight)
            words = to_array(cast(Tensor, table))
        query, scale = None, 1.0
        if isinstance(decoder.attention, ScaledDotAttention):
            query = prepared.matrix(decoder.attention.query.weight)
            scale = decoder.attention.scale
        mask = np.zeros(len(decoder.output_bias), np.float32)
        mask[[constraints.start, *constraints.banned_pieces]] = -np.inf
        pieces, log_probs, attention = search_ssru(
            to_array(cast(Tensor, gates)),
            to_array(state.hypotheses[1][0, 0].clone()),
            query,
            scale,
            to_array(keys[0]),
            to_array(values[0]),
            prepared.matrix(decoder.readout.weight, decoder.readout.bias),
            words,
            prepared.matrix(decoder.output_weight, decoder.output_bias),
            mask,
            constraints.start,
            constraints.end,
            constraints.min_length,
            int(constraints.max_pieces(lengths)),
            detail >= Detail.SCORES,
            detail >= Detail.ALIGNMENTS,
        )
        return pieces.tolist(), torch.from_numpy(log_probs), torch.from_numpy(attention)


def choose_stepper(decoder: Decoder) -> DecoderStepper:
    """Choose the step function of a decoder: compiled where it can be.

    decoder (Decoder): The decoder.
    RETURNS (DecoderStepper): Its step function.
    """
    return CompiledStepper(decoder) if CompiledStepper.fits(decoder) else DecoderStepper(decoder)
