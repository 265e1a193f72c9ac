"""Encoder-decoders as Thinc models: documents and translations in, surprisals of pieces out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d, Ints1d

from ..bridge.access import network_shim
from ..bridge.flat import unflatten
from ..bridge.loading import CheckedModel
from ..generation.settings import Detail
from ..text.subwords import END, START, UNKNOWN, load_subwords
from ..types import Seq2SeqModel, Source, Translations
from .subword_encoder import make_tokenizer

if TYPE_CHECKING:
    from torch import Tensor

    from ..generation.lexical import LexicalConstraints
    from ..generation.state import Hypothesis, SearchState, Step
    from ..nn.seq2seq.attention import Attention
    from ..nn.seq2seq.decoder import Decoder
    from ..nn.seq2seq.model import Seq2Seq, SubwordEncoder
    from ..nn.seq2seq.stepper import DecoderStepper


def build_seq2seq_v1(
    encoder: Model | Callable[[int], "SubwordEncoder"],
    decoder: Callable[..., "Decoder"],
    attention: Callable[[int, int], "Attention"] | None = None,
    tied_embeddings: bool = False,
    mixed_precision: bool = False,
) -> Seq2SeqModel:
    """Build an encoder-decoder.

    encoder (Model | Callable[[int], SubwordEncoder]): An encoder of subwords as described by
        `spacy-rnn.subword_encoder.v1`, which becomes part of one network with the decoder; or any
        encoder of documents: `Model[List[Doc], List[Floats2d]]`.
    decoder (Callable[..., Decoder]): The decoder, `spacy-rnn.recurrent_decoder.v1`.
    attention (Callable[[int, int], Attention] | None): The attention, such as
        `spacy-rnn.additive_attention.v1`. None for a decoder that knows its source by one summary
        vector alone.
    tied_embeddings (bool): Whether source and target share their embeddings, which takes an
        encoder of subwords and one vocabulary for both.
    mixed_precision (bool): Whether to compute in bfloat16 where the hardware has it.
    RETURNS (Seq2SeqModel): The model.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """
    from ..bridge.shim import NetworkShim
    from ..nn.seq2seq.model import Seq2Seq

    network = partial(
        Seq2Seq, decoder=partial(decoder, attention=attention), tied_embeddings=tied_embeddings
    )
    if isinstance(encoder, Model):
        source: Source = encoder
        dims = {"memory": encoder.get_dim("nO") if encoder.has_dim("nO") else 1}
    else:
        network = partial(network, encoder=encoder)
        source = make_tokenizer()
        dims = {"source_pieces": 1}
    shim = NetworkShim(network, {"target_pieces": 1, **dims}, mixed_precision=mixed_precision)
    return CheckedModel(
        "seq2seq",
        forward,
        init=init,
        layers=[source],
        shims=[shim],
        dims={"nO": None},
        refs={"source": source},
        attrs={"dropout_rate": 0.0, "subwords": b"", "tied_embeddings": tied_embeddings},
    )


def forward(
    model: Seq2SeqModel, translations: Translations | list[Doc], is_train: bool
) -> tuple[Floats1d, Callable]:
    """Compute the negative log-likelihood of translations: teacher forcing.

    model (Seq2SeqModel): The model.
    translations (Translations | list[Doc]): Documents with translations; or documents alone, as
        `spacy debug model` passes them, whose translations are empty.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats1d, Callable]): The negative log-likelihood of each piece and each
        end symbol, in nats, `(pieces + documents,)`; and a callback that takes a factor, which the
        gradients of the whole loss, label smoothing and the like included, are multiplied by.
    """
    import torch

    if isinstance(translations, list):
        translations = Translations(translations, [[] for _ in translations])
    docs, targets, guide = translations
    shim = network_shim(model)
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    arrays, backprop_source = model.get_ref("source")(docs, is_train)
    source, lengths = _flatten(model, arrays, is_train)
    pieces = [piece for target in targets for piece in (START, *target, END)]
    sizes = torch.tensor([len(target) + 2 for target in targets], dtype=torch.int64)
    inputs = [source, lengths, torch.tensor(pieces, device=shim.device), sizes]
    if guide is not None:
        sources = [model.ops.to_numpy(array) for array in arrays]
        inputs.append(torch.from_numpy(guide(sources, targets)).to(shim.device))
    (loss, surprisals), backprop_network = shim(ArgsKwargs(tuple(inputs), {}), is_train)

    def backprop(factor: float) -> list[Doc]:
        gradients = ArgsKwargs((loss,), {"grad_tensors": torch.full_like(loss, factor)})
        d_source = backprop_network(gradients).args
        if source.requires_grad:
            array = cast(Floats2d, torch2xp(d_source[0], ops=model.ops))
            backprop_source(unflatten(array, lengths.tolist()))
        return docs

    return cast(Floats1d, torch2xp(surprisals, ops=model.ops)), backprop


def translate(
    model: Seq2SeqModel,
    sources: list[Ints1d] | list[Floats2d],
    search: Callable,
    *,
    prefixes: Sequence[str | None] = (),
    banned_pieces: Sequence[str] = (),
    int8: bool = False,
    detail: Detail = Detail.ALIGNMENTS,
    lexical: "Sequence[LexicalConstraints]" = (),
    others: "Sequence[tuple[Seq2SeqModel, list[Ints1d] | list[Floats2d]]]" = (),
) -> "list[list[Hypothesis]]":
    """Search for the translations of a batch of documents.

    model (Seq2SeqModel): The model.
    sources (list[Ints1d] | list[Floats2d]): For each document its pieces or the vectors of its
        tokens: the output of the model's "source".
    search (Callable): The search, called as `spacy_rnn.generation.search.Search` is.
    prefixes (Sequence[str | None]): The text that each translation has to begin with.
    banned_pieces (Sequence[str]): Pieces that must not be generated, by name.
    int8 (bool): Whether the decoder computes in 8-bit integers.
    detail (Detail): How much of each hypothesis is asked for.
    lexical (Sequence[LexicalConstraints]): The lexical constraints of each translation, or none.
    others (Sequence[tuple[Seq2SeqModel, list[Ints1d] | list[Floats2d]]]): More models of the same
        target vocabulary, each with its sources: their probabilities are averaged at each step.
    RETURNS (list[list[Hypothesis]]): The hypotheses of each document, the best first.
    """
    from ..generation.ensemble import EnsembleStep

    subwords = load_subwords(model.attrs["subwords"])
    banned_ids = UNKNOWN, *subwords.piece_ids(banned_pieces)
    prefix_ids = None
    if any(prefixes):
        prefix_ids = _pad(subwords.encode([prefix or "" for prefix in prefixes]))
    begun = _begin(model, sources, int8)
    step, state = cast("Step", begun.step), begun.state
    if others:
        members = [begun, *(_begin(*other, int8) for other in others)]
        ensemble = EnsembleStep(
            [member.run for member in members], [each.state for each in members]
        )
        step, state = ensemble, ensemble.state
    # A search that knows no lexical constraints is called as long as there are none.
    of_terms = {"lexical": lexical} if lexical else {}
    with begun.predictor():
        return search(
            step,
            state,
            begun.lengths,
            start=START,
            end=END,
            banned_pieces=banned_ids,
            prefixes=prefix_ids,
            detail=detail,
            **of_terms,
        )


class _Begun(NamedTuple):
    """A network that stands before the first piece of a batch.

    predictor (Callable[[], AbstractContextManager]): Sets the precision of its steps.
    step (DecoderStepper): Its step function, to be called within.
    state (SearchState): Its initial state.
    lengths (Tensor): The positions of each source, `(batch,)`.
    """

    predictor: Callable[[], AbstractContextManager]
    step: "DecoderStepper"
    state: "SearchState"
    lengths: "Tensor"

    def run(self, pieces: "Tensor", state: "SearchState") -> "tuple[Tensor, Tensor, SearchState]":
        """Do a step in the precision of this network, whatever that of others is."""
        with self.predictor():
            return self.step(pieces, state)


def _begin(model: Seq2SeqModel, sources: list[Ints1d] | list[Floats2d], int8: bool) -> _Begun:
    """Encode a batch of sources."""
    from ..nn.seq2seq.greedy import choose_stepper

    source, lengths = _flatten(model, sources, False)
    shim = network_shim(model)
    with shim.predictor() as network:
        encoded = cast("Seq2Seq", network).encode(source, lengths)
    predictor = partial(shim.predictor, shim.step_precision(int8))
    with predictor() as network:
        step = choose_stepper(cast("Seq2Seq", network).decoder)
        return _Begun(predictor, step, step.begin(*encoded), lengths.to(source.device))


def init(model: Seq2SeqModel, X: list[Doc] | None = None, Y: Any = None) -> None:
    """Build the network for its vocabularies, with fresh weights.

    model (Seq2SeqModel): The model, with "nO" set to the size of the target vocabulary.
    X (list[Doc] | None): Sample documents.
    Y (Any): Not needed.
    RAISES (ValueError): If embeddings are to be shared by two vocabularies.
    """
    source = model.get_ref("source")
    source.initialize(X=X)
    if "subwords" in source.attrs:
        if model.attrs["tied_embeddings"] and source.attrs["subwords"] != model.attrs["subwords"]:
            raise ValueError(
                "Source and target can share embeddings only where they have one vocabulary: "
                "set shared_vocab to true, or tied_embeddings to false"
            )
        dims = {"source_pieces": len(load_subwords(source.attrs["subwords"]))}
    else:
        dims = {"memory": source.get_dim("nO")}
    network_shim(model).build(target_pieces=model.get_dim("nO"), **dims)


def _pad(rows: list[list[int]]) -> "Tensor":
    import torch
    from torch.nn.utils.rnn import pad_sequence

    tensors = [torch.tensor(row, dtype=torch.int64) for row in rows]
    return pad_sequence(tensors, batch_first=True, padding_value=-1)


def _flatten(model: Model, arrays: list, is_train: bool) -> "tuple[Tensor, Tensor]":
    """Concatenate the pieces or the vectors of documents, and count those of each."""
    import torch

    device = network_shim(model).device
    lengths = torch.tensor([len(array) for array in arrays], dtype=torch.int64)
    flat = model.ops.xp.concatenate(arrays)
    if flat.ndim == 1:
        return torch.as_tensor(flat, dtype=torch.int64, device=device), lengths
    return xp2torch(flat, requires_grad=is_train, device=device), lengths
