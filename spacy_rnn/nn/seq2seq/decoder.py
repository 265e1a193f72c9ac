"""A recurrent decoder with attention."""

from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...checks import check_at_least, check_choice, check_count, check_rate
from ..batch.segments import pad, padding_mask, unpad
from ..dropout import LockedDropout, WordDropout
from ..init import make_embedding
from ..kernels.linear import Linear
from ..kernels.prepared import PreparedModule
from ..rnn.cells.base import State, states_by_layer
from ..rnn.network import RecurrentNetwork
from ..rnn.settings import RecurrentSettings
from ..rnn.stepper import Stepper
from .attention import Attention, AttentionState

MakeAttention = Callable[[int, int], Attention]
"""Makes an attention for the features of queries and of the memory."""


class Memory(NamedTuple):
    """The encoded sources of a batch, prepared for attention.

    keys (Tensor): The keys of the attention, `(batch, positions, any)`.
    values (Tensor): The projections of the encoder's outputs to the readout,
        `(batch, positions, readout_width)`; without attention those of the summaries,
        `(batch, 1, readout_width)`.
    mask (Tensor): Booleans, false at padding, `(batch, positions)`.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor


class Decoder(PreparedModule):
    """A recurrent decoder: predicts the next piece from the pieces before it and the source.

    A recurrent network reads the pieces so far; its output is the query of the attention; output,
    context vector and the embedding of the previous piece make the readout, the input of the
    softmax over next pieces (Luong et al. 2015, equations 5 and 6). Equation 5 is linear in the
    context vector, an average of the memory: its matrix is applied to the memory instead, once for
    each source position. With input feeding (section 3.3 there) each readout is also an input of
    the next step, so that training goes step by step; without it all steps of a layer are one
    call.

    pieces (int): Entries of the vocabulary.
    memory (int): Features of the encoder's outputs.
    summary (int): Features of the summary of each source.
    attention (MakeAttention | None): The attention. None for the decoder of Sutskever et al.
        (2014), whose context vector is the summary.
    network (RecurrentSettings): The recurrent network, of one direction. Dropout on its input
        is applied to the embeddings, which the readout may see too, and that on its output to
        the readout. With input feeding the dropout between layers is drawn anew at each step.
    embed_width (int): Features of each embedding.
    readout_width (int): Features of the readout.
    deep_output (bool): Whether the readout also sees the embedding of the previous piece (Bahdanau
        et al. 2015, appendix A.2.2): bigrams need not be learned through the recurrence then.
    input_feeding (bool): Whether each step also reads the previous readout.
    bridge (str): What the states start from: "zero", the initial state of the network alone;
        "last", the summary as it is; or "dense", a layer over it.
    tied_softmax (bool): Whether the softmax has the embeddings as its weights (Press & Wolf 2017).
    label_smoothing (float): The share of the probability of the right piece that is spread evenly
        over the vocabulary in training.
    r_drop (float): The weight of R-Drop in training, alpha in Wu et al. (2021). 0 to leave it out.
    RAISES (ValueError): If the settings do not fit each other.
    """

    def __init__(
        self,
        pieces: int,
        memory: int,
        summary: int,
        *,
        attention: MakeAttention | None,
        network: RecurrentSettings,
        embed_width: int = 256,
        readout_width: int = 256,
        deep_output: bool = True,
        input_feeding: bool = False,
        bridge: str = "dense",
        tied_softmax: bool = True,
        label_smoothing: float = 0.1,
        r_drop: float = 0.0,
    ):
        super().__init__()
        width = network.width
        if tied_softmax and embed_width != readout_width:
            raise ValueError(
                f"With a tied softmax the embeddings are its weights, but embed_width is "
                f"{embed_width} and readout_width {readout_width}: make them equal, or set "
                f"tied_softmax to false"
            )
        check_choice("bridge", bridge, ("zero", "last", "dense"))
        if bridge == "last" and summary != width:
            raise ValueError(
                f'With bridge = "last" the decoder starts from the states of the encoder, but '
                f"they have {summary} features and its own {width}: set width to {summary}, "
                f'or bridge to "dense"'
            )
        if network.bidirectional:
            raise ValueError(
                "A decoder that reads in two directions would see the pieces that it is to "
                "predict: set bidirectional of its network to false or null"
            )
        if bridge == "dense" and network.initial_state == "learned":
            raise ValueError(
                'With bridge = "dense" the initial state is computed from the source, so that '
                'none is learned: set initial_state of the network to "zero", or bridge to "zero"'
            )
        check_rate("label_smoothing", label_smoothing)
        check_at_least("r_drop", r_drop, 0.0)
        check_count("readout_width", readout_width, 1)
        self.input_feeding = input_feeding
        self.label_smoothing = label_smoothing
        self.r_drop = r_drop
        self.bridge = bridge
        self.embedding = make_embedding(pieces, embed_width)
        self.network = RecurrentNetwork(
            embed_width + input_feeding * readout_width,
            replace(
                network,
                bidirectional=False,
                word_dropout=0.0,
                dropout_input=0.0,
                dropout_output=0.0,
            ),
        )
        states = network.depth * sum(self.network.state_widths)
        self.bridge_layer = Linear(summary, states) if bridge == "dense" else None
        self.attention = attention(width, memory) if attention else None
        context = memory if attention else summary
        self.readout = Linear(width, readout_width)
        self.value = Linear(context, readout_width, bias=False)
        self.deep_output_layer = (
            Linear(embed_width, readout_width, bias=False) if deep_output else None
        )
        # Initialised as one matrix over the concatenated inputs of the readout would be.
        bound = (width + context + deep_output * embed_width) ** -0.5
        for layer in filter(None, (self.readout, self.value, self.deep_output_layer)):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound)
        if not tied_softmax:
            self.output = nn.Parameter(torch.empty(pieces, readout_width))
            nn.init.normal_(self.output, std=readout_width**-0.5)
        self.tied_softmax = tied_softmax
        self.output_bias = nn.Parameter(torch.zeros(pieces))
        self.word_dropout = WordDropout(network.word_dropout)
        self.dropout_embedded = LockedDropout(network.dropout_input)
        self.dropout_readout = LockedDropout(network.dropout_output)

    @property
    def output_weight(self) -> Tensor:
        """Tensor: A row for each piece, shape `(pieces, readout_width)`."""
        return self.embedding.weight if self.tied_softmax else self.output

    def encode_memory(self, encoded: Tensor, lengths: Tensor, summary: Tensor) -> Memory:
        """Prepare encoded sources for all steps.

        encoded (Tensor): The encoder's outputs, `(positions, memory)`.
        lengths (Tensor): The positions of each source, `(batch,)`, on the CPU.
        summary (Tensor): The summary of each source, `(batch, summary)`.
        RETURNS (Memory): The memory.
        """
        mask = padding_mask(lengths, encoded.device)
        if self.attention is None:
            values = self.value(summary).to(summary.dtype)[:, None]
            return Memory(values, values, mask)
        keys, values = (
            pad(projected.to(encoded.dtype), lengths)
            for projected in (self.attention.project(encoded), self.value(encoded))
        )
        return Memory(keys, values, mask)

    def start(self, summary: Tensor) -> State:
        """Return the initial states of the recurrent network.

        summary (Tensor): The summary of each source, `(batch, summary)`.
        RETURNS (State): The states, each `(depth, batch, width)`.
        """
        batch = len(summary)
        if self.bridge_layer is not None:
            parts = self.bridge_layer(summary).tanh().to(self.bridge_layer.weight.dtype)
            depth, widths = self.network.depth, self.network.state_widths
            return tuple(
                part.view(batch, depth, -1).transpose(0, 1).contiguous()
                for part in parts.split([depth * width for width in widths], dim=1)
            )
        states = self.network.start(batch)
        if self.bridge == "zero":
            return states
        return summary.expand_as(states[0]), *states[1:]

    def forward(
        self, memory: Memory, summary: Tensor, pieces: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute the readouts of whole targets: teacher forcing.

        memory (Memory): The encoded sources.
        summary (Tensor): The summary of each source, `(batch, summary)`.
        pieces (Tensor): The inputs: for each target the start symbol and all pieces but the last,
            `(pieces,)`.
        lengths (Tensor): The inputs of each target, `(batch,)`, on the CPU.
        RETURNS (tuple[Tensor, Tensor]): The readouts that predict the piece after each input,
            `(pieces, readout_width)`; and the attention weights, `(batch, steps, positions)`.
        """
        embedded = self.dropout_embedded(self.word_dropout(self.embedding(pieces)), lengths)
        state = self.start(summary)
        if self.input_feeding:
            readouts, weights = self._feed(memory, state, pad(embedded, lengths))
            readouts = unpad(readouts, lengths)
        else:
            hidden, _ = self.network(embedded, lengths, state)
            context, weights = self._attend_all(pad(hidden, lengths), memory)
            word = None if self.deep_output_layer is None else self.deep_output_layer(embedded)
            readouts = self.read_out(self.readout(hidden), unpad(context, lengths), word)
        return self.dropout_readout(readouts, lengths), weights

    def _feed(self, memory: Memory, state: State, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the readouts step by step, with the previous one as an input of each step.

        RETURNS (tuple[Tensor, Tensor]): The readouts, `(batch, steps, readout_width)`, and the
            attention weights, `(batch, steps, positions)`.
        """
        step, states = Stepper(self.network), states_by_layer(state)
        project = self.prepared.linear([self.readout.weight], [self.readout.bias])
        attention_state = self.initial_attention_state(memory)
        readout = embedded.new_zeros(len(embedded), self.readout.out_features)
        readouts = [readout[:, None][:, :0]]
        all_weights = [readout.new_zeros(len(embedded), 0, memory.mask.shape[1])]
        deep_output_layer = self.deep_output_layer
        words = (
            repeat(None) if deep_output_layer is None else deep_output_layer(embedded).unbind(1)
        )
        for inputs, word in zip(embedded.unbind(1), words, strict=False):
            hidden, states = step(torch.cat([inputs, readout], 1), states)
            context, weights, attention_state = self.attend(
                hidden[:, None], memory, attention_state
            )
            readout = self.read_out(project(hidden), context[:, 0], word)
            readouts.append(readout[:, None])
            all_weights.append(weights)
        return torch.cat(readouts, 1), torch.cat(all_weights, 1)

    def _attend_all(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Attend at all steps, one after the other if the attention has a state.

        RETURNS (tuple[Tensor, Tensor]): The context vectors and the attention weights.
        """
        attention_state = self.initial_attention_state(memory)
        if not attention_state:
            context, weights, _ = self.attend(queries, memory)
            return context, weights
        contexts, all_weights = [], []
        for query in queries.split(1, dim=1):
            context, weights, attention_state = self.attend(query, memory, attention_state)
            contexts.append(context)
            all_weights.append(weights)
        return torch.cat(contexts, 1), torch.cat(all_weights, 1)

    def initial_attention_state(self, memory: Memory) -> AttentionState:
        """Return the state of the attention before the first step.

        memory (Memory): The encoded sources.
        RETURNS (AttentionState): The state, with one hypothesis for each source.
        """
        return self.attention.initial_state(memory.mask) if self.attention else ()

    def attend(
        self, queries: Tensor, memory: Memory, attention_state: AttentionState = ()
    ) -> tuple[Tensor, Tensor, AttentionState]:
        """Attend to the sources.

        queries (Tensor): The outputs of the recurrent network, `(batch, steps, width)`.
        memory (Memory): The encoded sources.
        attention_state (AttentionState): The state of the attention before the step.
        RETURNS (tuple[Tensor, Tensor, AttentionState]): The projected context vectors,
            `(batch, steps, readout_width)`; the attention weights, `(batch, steps, positions)`;
            and the state after the step.
        """
        if self.attention is None:
            context = memory.values.expand(-1, queries.shape[1], -1)
            return context, queries.new_zeros(*queries.shape[:2], memory.mask.shape[1]), ()
        context, weights = self.attention(queries, *memory, attention_state)
        return context, weights, self.attention.update_state(weights, attention_state)

    def read_out(self, projected_hidden: Tensor, context: Tensor, word: Tensor | None) -> Tensor:
        """Compute readouts from their projected parts, each `(rows, readout_width)`.

        projected_hidden (Tensor): The projected output of the recurrent network.
        context (Tensor): The projected context vector.
        word (Tensor | None): The projected embedding of the previous piece, with deep output.
        RETURNS (Tensor): The readouts.
        """
        readout = projected_hidden + context.to(projected_hidden.dtype)
        return (readout if word is None else readout + word).tanh()
