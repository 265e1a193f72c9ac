"""Recurrent language models as Thinc models: segments of text in, surprisals of pieces out."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp
from thinc.types import Floats1d

from ..batching import batch_by_length
from ..bridge.access import network_shim
from ..bridge.loading import CheckedModel
from ..generation.settings import Detail
from ..nn.rnn.settings import RecurrentSettings
from ..text.subwords import END, START, UNKNOWN
from ..text.units import Units, load_units

if TYPE_CHECKING:
    from torch import Tensor

    from ..generation.state import Hypothesis
    from ..nn.lm.model import LanguageModel
    from ..nn.rnn.cells.base import State


@dataclass
class Segment:
    """A segment of a text, and the context before it.

    pieces (np.ndarray): The pieces to predict.
    before (int): The piece before them. At the beginning of a text it is the end symbol.
    state (State | None): The state of the model before the segment, each part `(depth, width)`.
        None at the beginning of a text.
    """

    pieces: np.ndarray
    before: int = END
    state: "State | None" = None


LanguageModelT = Model[Sequence[Segment | Doc], Floats1d]
"""From segments of text to the negative log-likelihood of each piece. The context of each segment
becomes that of the segment after it."""


def build_language_model_v1(
    network: RecurrentSettings,
    *,
    embed_width: int = 256,
    tied_softmax: bool = True,
    cutoffs: list[int] | None = None,
    dropout_embedding: float = 0.0,
    activation_reg: float = 0.0,
    temporal_activation_reg: float = 0.0,
    cache_size: int = 0,
    cache_weight: float = 0.2,
    cache_sharpness: float = 0.7,
    mixed_precision: bool = False,
) -> LanguageModelT:
    """Build a recurrent language model.

    network (RecurrentSettings): The recurrent network, `spacy-rnn.recurrent_network.v1`, which
        reads forwards.
    embed_width (int): Features of each embedding.
    tied_softmax (bool): Whether the softmax has the embeddings as its weights.
    cutoffs (list[int] | None): Ranks in the vocabulary, the most frequent entries first, where
        the adaptive softmax begins another cluster of rarer entries. None for the full softmax.
    dropout_embedding (float): Share of the vocabulary whose embeddings are dropped in a step.
    activation_reg (float): The weight of the mean square of the output (AR).
    temporal_activation_reg (float): The weight of the mean square of the difference of successive
        outputs (TAR), added up over pieces as the loss is.
    cache_size (int): Entries of the neural cache of recent pieces of a text, used in prediction
        alone (Grave et al. 2017). 0 for none.
    cache_weight (float): Its interpolation weight once a text is long: lambda there.
    cache_sharpness (float): The flatness of its distribution, theta there: more prefers pieces
        that came in similar contexts.
    mixed_precision (bool): Whether to compute in bfloat16 where the hardware has it.
    RETURNS (LanguageModelT): The model.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """
    from ..bridge.shim import NetworkShim
    from ..nn.lm.model import LanguageModel
    from ..nn.lm.neural_cache import NeuralCache

    build = partial(
        LanguageModel,
        network=network,
        embed_width=embed_width,
        tied_softmax=tied_softmax,
        cutoffs=tuple(cutoffs or ()),
        dropout_embedding=dropout_embedding,
        activation_reg=activation_reg,
        temporal_activation_reg=temporal_activation_reg,
        cache=NeuralCache(cache_size, cache_weight, cache_sharpness) if cache_size else None,
    )
    return CheckedModel(
        "language_model",
        forward,
        init=init,
        shims=[NetworkShim(build, {"pieces": 1}, mixed_precision=mixed_precision)],
        dims={"nO": None},
        attrs={"dropout_rate": 0.0, "units": b""},
    )


def forward(
    model: LanguageModelT, texts: Sequence[Segment | Doc], is_train: bool
) -> tuple[Floats1d, Callable]:
    """Compute the negative log-likelihood of segments of text, and update their contexts.

    model (LanguageModelT): The model.
    texts (Sequence[Segment | Doc]): The segments, whose `before` and `state` become those after
        them; or whole documents, as `spacy debug model` passes them.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats1d, Callable]): The negative log-likelihood of each piece, in nats,
        `(pieces,)`; and a callback that takes a factor, which the gradients of the loss are
        multiplied by.
    """
    import torch

    shim = network_shim(model)
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    segments = [_to_segment(model, text) for text in texts]
    sizes = [len(segment.pieces) for segment in segments]
    pieces = [segment.pieces for segment in segments]
    targets = np.concatenate([np.zeros(0, dtype=np.int64), *pieces])
    context = np.roll(targets, 1)
    firsts = np.cumsum([0, *sizes])[:-1][np.array(sizes, dtype=np.int64) > 0]
    context[firsts] = [segment.before for segment in segments if len(segment.pieces)]
    inputs = (
        torch.from_numpy(context).to(shim.device),
        torch.from_numpy(targets).to(shim.device),
        torch.tensor(sizes, dtype=torch.int64),
        *gather_states(model, [segment.state for segment in segments], is_train),
    )
    (loss, surprisals, states), backprop_network = shim(ArgsKwargs(inputs, {}), is_train)
    for index, segment in enumerate(segments):
        if len(segment.pieces):
            segment.before = int(segment.pieces[-1])
            segment.state = tuple(part[:, index] for part in states)

    def backprop(factor: float) -> Sequence[Segment]:
        backprop_network(ArgsKwargs((loss,), {"grad_tensors": torch.full_like(loss, factor)}))
        return segments

    return cast(Floats1d, torch2xp(surprisals, ops=model.ops)), backprop


def _to_segment(model: LanguageModelT, text: Segment | Doc) -> Segment:
    """Return a segment itself, and a document as one segment with its end."""
    if isinstance(text, Segment):
        return text
    return Segment(np.append(load_units(model.attrs["units"]).encode(text), END))


def distill(model: LanguageModelT, earlier: LanguageModelT, texts: list[np.ndarray]) -> float:
    """Add the gradients that bring predictions closer to those of an earlier model.

    model (LanguageModelT): The model.
    earlier (LanguageModelT): The earlier one, of the same vocabulary.
    texts (list[np.ndarray]): The pieces of each text.
    RETURNS (float): The Kullback-Leibler divergence of the predictions of all pieces and ends.
    """
    import torch

    shim = network_shim(model)
    shim.set_dropout_rate(model.attrs["dropout_rate"])
    context = np.concatenate([np.append(END, pieces) for pieces in texts])
    pieces = torch.from_numpy(context).to(shim.device)
    lengths = torch.tensor([len(text) + 1 for text in texts], dtype=torch.int64)
    with network_shim(earlier).predictor() as network:
        teacher = cast("LanguageModel", network)
        expected = teacher.log_probs(teacher.read_texts(pieces, lengths))
    # What inference mode made takes no part in gradients, but for a copy.
    loss = cast("LanguageModel", shim.network).distill(pieces, lengths, expected.clone())
    loss.backward()
    return float(loss.detach())


def init(model: LanguageModelT, X: Any = None, Y: Any = None) -> None:
    """Build the network for its vocabulary, with fresh weights.

    model (LanguageModelT): The model, with "nO" set to the size of the vocabulary.
    X (Any): Not needed.
    Y (Any): Not needed.
    """
    network_shim(model).build(pieces=model.get_dim("nO"))


def units_of(model: Model) -> Units:
    """Return the vocabulary of a language model, or of an encoder that was made of one.

    model (Model): The layer that has the network.
    RETURNS (Units): The vocabulary.
    RAISES (ValueError): If there is none, or it is not of the size of the network.
    """
    units = load_units(model.attrs["units"])
    pieces = network_shim(model).dims["pieces"]
    if len(units) != pieces:
        raise ValueError(
            f"The language model has weights for {pieces} pieces, but its vocabulary is one of "
            f"{len(units)} {units.kind}: load vocabulary and weights of one model"
        )
    return units


def gather_states(
    model: LanguageModelT, states: "Sequence[State | None]", is_train: bool
) -> "tuple[State, Tensor]":
    """Batch the states of segments.

    model (LanguageModelT): The model.
    states (Sequence[State | None]): The state of each segment, or None.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[State, Tensor]): The states, each `(depth, batch, width)`, and booleans, true
        for segments without one, `(batch,)`.
    """
    import torch

    shim = network_shim(model)
    fresh = torch.tensor([state is None for state in states], dtype=torch.bool)
    with nullcontext(shim.network) if is_train else shim.predictor() as network, torch.no_grad():
        gathered = cast("LanguageModel", network).gather(states)
    return gathered, fresh.to(shim.device)


def score_texts(
    model: LanguageModelT, texts: Sequence[np.ndarray], max_tokens: int
) -> list[np.ndarray]:
    """Compute the negative log-likelihood of whole texts in bounded memory.

    model (LanguageModelT): The model.
    texts (Sequence[np.ndarray]): The pieces of each text.
    max_tokens (int): The maximum number of pieces to read at once; a longer text is read in
        segments.
    RETURNS (list[np.ndarray]): The negative log-likelihood of each piece and of the end symbol, in
        nats: for each text an array `(pieces + 1,)`.
    """
    scores: list[list[np.ndarray]] = [[] for _ in texts]
    cache = cast("LanguageModel", network_shim(model).network).cache
    lengths = [len(pieces) + 1 for pieces in texts]
    if cache:  # Its entries count as well.
        lengths = [length + min(cache.size, length) for length in lengths]
    for batch in batch_by_length(lengths, max_tokens, min_items=MIN_BATCH):
        with_ends = [np.append(texts[index], END) for index in batch]
        segments = [Segment(pieces) for pieces in with_ends]
        size = max(1, max_tokens // len(batch))
        for start in range(0, max(map(len, with_ends)), size):
            for segment, pieces in zip(segments, with_ends, strict=True):
                segment.pieces = pieces[start : start + size]
            flat = cast(np.ndarray, model.ops.to_numpy(model.predict(segments)))
            ends = np.cumsum([len(segment.pieces) for segment in segments])[:-1]
            for index, part in zip(batch, np.split(flat, ends), strict=True):
                scores[index].append(part)
    return [np.concatenate(parts) for parts in scores]


MIN_BATCH = 32
"""Texts that are read together, however long they are."""


def generate(
    model: LanguageModelT, prompts: Sequence[np.ndarray], search: Callable, max_tokens: int
) -> "list[list[Hypothesis]]":
    """Generate continuations of prompts.

    model (LanguageModelT): The model.
    prompts (Sequence[np.ndarray]): The pieces of each prompt.
    search (Callable): The search, called as `spacy_rnn.generation.search.Search` is, with sources
        of no positions.
    max_tokens (int): The maximum number of prompt pieces to read at once.
    RETURNS (list[list[Hypothesis]]): The continuations of each prompt, the best first.
    """
    import torch

    from ..nn.lm.stepper import LanguageModelStepper

    shim = network_shim(model)
    read_before = [torch.from_numpy(np.append(END, prompt)) for prompt in prompts]
    no_source = torch.zeros(len(prompts), dtype=torch.int64, device=shim.device)
    with shim.predictor() as network:
        step = LanguageModelStepper(cast("LanguageModel", network))
        state = step.begin(read_before, max_tokens)
    with shim.predictor(shim.step_precision()) as network:
        step = LanguageModelStepper(cast("LanguageModel", network))
        return search(
            step,
            state,
            no_source,
            start=START,
            end=END,
            banned_pieces=(UNKNOWN,),
            detail=Detail.SCORES,
        )
