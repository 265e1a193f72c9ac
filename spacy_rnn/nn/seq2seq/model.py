"""Encoder-decoders with attention."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..init import make_embedding
from ..loss import cross_entropy
from ..pooling import reduce_mean
from ..rnn.network import RecurrentNetwork
from ..rnn.settings import RecurrentSettings
from .decoder import Decoder, Memory

MIN_WEIGHT = 1e-7
"""The least attention weight that a logarithm is taken of."""


class SubwordEncoder(nn.Module):
    """Embeddings of subwords and a recurrent network over them.

    pieces (int): Entries of the vocabulary.
    embed_width (int): Features of each embedding.
    network (RecurrentSettings): The recurrent network.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """

    def __init__(self, pieces: int, *, embed_width: int, network: RecurrentSettings):
        super().__init__()
        self.embedding = make_embedding(pieces, embed_width)
        self.network = RecurrentNetwork(embed_width, network)
        self.width = self.network.width
        self.summary = self.network.directions * self.network.hidden

    def forward(self, pieces: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode sources.

        pieces (Tensor): The pieces of all sources, concatenated, `(pieces,)`.
        lengths (Tensor): The pieces of each source, `(batch,)`, on the CPU.
        RETURNS (tuple[Tensor, Tensor]): The output at each piece, `(pieces, width)`, and the
            summary of each source, the final states of the last layer (their first part),
            `(batch, directions * hidden)`.
        """
        outputs, (hidden, *_) = self.network(self.embedding(pieces), lengths)
        last = hidden[-self.network.directions :]
        return outputs, last.transpose(0, 1).flatten(1)


MakeSubwordEncoder = Callable[[int], SubwordEncoder]
"""Makes an encoder for a number of source pieces."""

MakeDecoder = Callable[..., Decoder]
"""Makes a decoder for a number of target pieces, of features of the memory and of the summary."""


class Seq2Seq(nn.Module):
    """An encoder and a decoder as one network, trained together.

    target_pieces (int): Entries of the target vocabulary.
    decoder (MakeDecoder): Makes the decoder.
    encoder (MakeSubwordEncoder | None): Makes the encoder. None for sources that are encoded
        outside of the network.
    source_pieces (int): Entries of the source vocabulary, with an encoder.
    memory (int): Features of the encoded sources, without an encoder.
    tied_embeddings (bool): Whether source and target share their embeddings.
    RAISES (ValueError): If the settings do not fit each other.
    """

    def __init__(
        self,
        target_pieces: int,
        decoder: MakeDecoder,
        encoder: MakeSubwordEncoder | None = None,
        source_pieces: int = 0,
        memory: int = 0,
        tied_embeddings: bool = False,
    ):
        super().__init__()
        self.encoder = encoder(source_pieces) if encoder else None
        summary = self.encoder.summary if self.encoder else memory
        self.decoder = decoder(
            target_pieces, self.encoder.width if self.encoder else memory, summary
        )
        if tied_embeddings:
            self._tie()

    def _tie(self) -> None:
        if self.encoder is None:
            raise ValueError(
                "Only a subword encoder can share its embeddings with the decoder: choose "
                "spacy-rnn.subword_encoder.v1, or set tied_embeddings to false"
            )
        source, target = self.encoder.embedding.weight.shape, self.decoder.embedding.weight.shape
        if source != target:
            raise ValueError(
                f"Source and target can share embeddings only of one shape, but have "
                f"{tuple(source)} and {tuple(target)}: set one vocabulary for both and equal "
                f"widths, or set tied_embeddings to false"
            )
        self.decoder.embedding = self.encoder.embedding

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Memory, Tensor]:
        """Encode sources.

        source (Tensor): The pieces of all sources, `(pieces,)`, or without an encoder the
            contextual vectors of their tokens, `(tokens, memory)`.
        lengths (Tensor): The pieces or tokens of each source, `(batch,)`, on the CPU.
        RETURNS (tuple[Memory, Tensor]): The memory of the decoder, and the summary of each source,
            `(batch, summary)`: without an encoder the mean of its vectors.
        """
        if self.encoder is not None:
            encoded, summary = self.encoder(source, lengths)
        else:
            encoded, summary = source, reduce_mean(source, lengths)
        return self.decoder.encode_memory(encoded, lengths, summary), summary

    def forward(
        self,
        source: Tensor,
        lengths: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        guide: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Compute the loss of given translations.

        A guide adds the cross-entropy of the attention weights and an alignment: guided alignment
        (Chen et al. 2016, "Guided Alignment Training for Topic-Aware Neural Machine Translation").

        With R-Drop the batch passes twice in training, as one batch of twice the size. Each
        sequence has dropout of its own there, but `weight_drop` and dropout in an encoder outside
        of the network are the same in both passes.

        source (Tensor): As for `encode`.
        lengths (Tensor): As for `encode`.
        targets (Tensor): The pieces of all targets, `(pieces,)`, each target with the start symbol
            before it and the end symbol after it.
        target_lengths (Tensor): The pieces of each target, these two included, `(batch,)`,
            on the CPU.
        guide (Tensor | None): What the attention weights at each piece should be, times the weight
            of this loss, `(batch, pieces, positions)`. At pieces without any there is no loss.
        RETURNS (tuple[Tensor, Tensor]): The sum of the losses with label smoothing, R-Drop and the
            guide, and the negative log-likelihood of each piece after the start symbol, without
            gradients.
        """
        smoothing, r_drop = 0.0, 0.0
        if self.training:
            smoothing, r_drop = self.decoder.label_smoothing, self.decoder.r_drop
        is_input, is_output = torch.ones(2, len(targets), dtype=torch.bool)
        last = target_lengths.cumsum(0) - 1
        is_input[last] = False
        is_output[last - target_lengths + 1] = False
        inputs, outputs = (
            targets[is_input.to(targets.device)],
            targets[is_output.to(targets.device)],
        )
        input_lengths = target_lengths - 1
        if r_drop:
            source, lengths, inputs, input_lengths = (
                torch.cat([each, each]) for each in (source, lengths, inputs, input_lengths)
            )
        memory, summary = self.encode(source, lengths)
        readouts, weights = self.decoder(memory, summary, inputs, input_lengths)
        loss, surprisals = cross_entropy(
            readouts,
            self.decoder.output_weight,
            self.decoder.output_bias,
            outputs,
            smoothing,
            r_drop,
        )
        if guide is not None:
            loss = loss + _alignment_loss(weights, guide)
        return loss, surprisals


def _alignment_loss(weights: Tensor, guide: Tensor) -> Tensor:
    """Sum up the cross-entropy of attention weights: of two passes the mean."""
    passes = weights[:, : guide.shape[1]].to(guide.dtype).unflatten(0, (-1, len(guide)))
    return -(passes.clamp(min=MIN_WEIGHT).log() * guide).sum(dim=(1, 2, 3)).mean()
