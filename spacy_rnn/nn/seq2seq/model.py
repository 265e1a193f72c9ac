"""Encoder, attention, decoder: one sequence in, another one out."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..dropout import LockedDropout
from ..init import make_embedding
from ..loss import cross_entropy
from ..pooling import reduce_mean
from ..rnn.network import RecurrentNetwork
from ..rnn.settings import RecurrentSettings
from .decoder import Decoder, Memory


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
        # On the embeddings before word dropout, so that both draw what they always drew.
        self.dropout = LockedDropout(network.dropout_input)
        self.network = RecurrentNetwork(embed_width, replace(network, dropout_input=0.0))
        self.width = self.network.width
        self.summary = self.network.directions * self.network.hidden

    def forward(self, pieces: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Read sentences.

        pieces (Tensor): The pieces of all sentences one after the other, `(pieces,)`.
        lengths (Tensor): The pieces of each sentence, `(batch,)`, on the CPU.
        RETURNS (tuple[Tensor, Tensor]): The output at each piece, `(pieces, width)`, and
            the last layer's final hidden states, `(batch, directions * hidden)`.
        """
        embedded = self.dropout(self.embedding(pieces), lengths)
        places, (hidden, *_) = self.network(embedded, lengths)
        last = hidden[-self.network.directions :]
        return places, last.transpose(0, 1).flatten(1)


MakeSubwordEncoder = Callable[[int], SubwordEncoder]
"""Makes an encoder for a number of source pieces."""

MakeDecoder = Callable[..., Decoder]
"""Makes a decoder for a number of target pieces, of features of the memory and of the summary."""


class Seq2Seq(nn.Module):
    """An encoder and a decoder as one network, trained together.

    target_pieces (int): Entries of the target vocabulary.
    decoder (MakeDecoder): Makes the decoder.
    encoder (MakeSubwordEncoder | None): Makes the encoder. None where the memory comes from
        outside.
    source_pieces (int): Entries of the source vocabulary, where there is an encoder.
    memory (int): Features of a memory that comes from outside, where there is none.
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
        """Read source sentences.

        source (Tensor): The source pieces of all sentences, `(pieces,)`, or without an
            encoder what another one says at each token, `(tokens, memory)`.
        lengths (Tensor): The pieces or tokens of each sentence, `(batch,)`, on the CPU.
        RETURNS (tuple[Memory, Tensor]): What the decoder looks at, and each sentence as one
            vector, `(batch, summary)`.
        """
        if self.encoder is not None:
            places, summary = self.encoder(source, lengths)
        else:
            places, summary = source, reduce_mean(source, lengths)
        return self.decoder.encode_memory(places, lengths, summary), summary

    def forward(
        self, source: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute the loss of given translations.

        source (Tensor): As for `encode`.
        lengths (Tensor): As for `encode`.
        targets (Tensor): The target pieces of all sentences, each with the start symbol
            before it and the end symbol after it, `(pieces,)`.
        target_lengths (Tensor): The pieces of each target, these two included, `(batch,)`,
            on the CPU.
        RETURNS (tuple[Tensor, Tensor]): The loss with label smoothing, summed up, and the
            negative log-likelihood of each piece after the start symbol, without gradients.
        """
        starts, ends = torch.ones(2, len(targets), dtype=torch.bool)
        last = target_lengths.cumsum(0) - 1
        starts[last] = False
        ends[last - target_lengths + 1] = False
        memory, summary = self.encode(source, lengths)
        known = targets[starts.to(targets.device)]
        readouts = self.decoder(memory, summary, known, target_lengths - 1)
        return cross_entropy(
            readouts,
            self.decoder.output_weight,
            self.decoder.output_bias,
            targets[ends.to(targets.device)],
            self.decoder.label_smoothing if self.training else 0.0,
        )
