"""A language model: surprisal and perplexity of documents, text generation, streams."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Token
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Optimizer, set_dropout_rate

from ...architectures.language_model import (
    LanguageModelT,
    Segment,
    distill,
    generate,
    score_texts,
)
from ...batching import batch_by_length
from ...bridge.access import network_shim
from ...checks import check_choice, check_count
from ...extensions import ensure_extension
from ...generation.search import SamplingSearch, Search
from ...metrics.common import BITS, perplexity_of
from ...metrics.language_model import TOTALS
from ...text.subwords import END
from ...text.units import KINDS, Units, encode_parts, load_units, make_units
from ...training.bptt import get_chunk
from ..annotation import annotate_stream
from ..attributes import AttributeOwner
from ..examples import check_get_examples, list_examples, track_examples
from ..initialization import check_complete, warn_without_weight
from ..rehearsal import RehearsingPipe
from ..storage import StoredPipe
from .stream import TextStream

if TYPE_CHECKING:
    from ...generation.state import Hypothesis


class LMScores(NamedTuple):
    """Surprisal of a document, piece by piece.

    bits (np.ndarray): Surprisal in bits of each piece, in the order of the text, and of the end
        of the text, or of its beginning in a model that reads backward: `(pieces + 1,)`.
    token_of_piece (np.ndarray): Index of the token that each piece belongs to, `(pieces,)`.
    """

    bits: np.ndarray
    token_of_piece: np.ndarray


class RecurrentLanguageModel(StoredPipe, RehearsingPipe, AttributeOwner):
    """Model language: the surprisal of each token, perplexity, generation of texts.

    The names of the attributes follow the setting `attr_prefix`.

    tokenizer (Callable[[str], Doc]): Tokenizes prompts. The other settings are those of
        `make_language_model`.
    doc._.perplexity (float | None): The perplexity per token, the end of the text included.
    doc._.bits_per_char (float | None): The surprisal per character in bits.
    token._.surprisal (float | None): The surprisal of the token in bits, given those before it
        (after it, in a model that reads backward).
    """

    setting = "attr_prefix"
    trained_for = ("direction",)

    def __init__(
        self,
        vocab: Vocab,
        model: LanguageModelT,
        name: str = "rnn_lm",
        *,
        tokenizer: Callable[[str], Doc],
        scorer: Callable | None,
        units: str,
        vocab_size: int,
        min_count: int,
        direction: str,
        reset: str,
        max_bptt: int,
        max_batch_tokens: int,
        attr_prefix: str,
    ):
        check_choice("units", units, KINDS)
        check_choice("direction", direction, ("forward", "backward"))
        check_choice("reset", reset, ("doc", "never"))
        check_count("min_count", min_count, 1)
        check_count("max_bptt", max_bptt, 1)
        check_count("max_batch_tokens", max_batch_tokens, 1)
        super().__init__(vocab, model, name, direction=direction)
        self.tokenizer = tokenizer
        self.scorer = scorer
        self.kind = units
        self.vocab_size = vocab_size
        self.min_count = min_count
        self.backward = direction == "backward"
        self.reset = reset
        self.max_bptt = max_bptt
        self.max_batch_tokens = max_batch_tokens
        self.attr_prefix = attr_prefix
        self._rehearsal_model: LanguageModelT | None = None
        self._streams: dict[int, Segment] = {}
        self._ensure_extensions()

    def _ensure_extensions(self) -> None:
        for name in ("perplexity", "bits_per_char"):
            ensure_extension(self.attr_prefix + name)
        ensure_extension(f"{self.attr_prefix}surprisal", Token)

    @property
    def units(self) -> Units:
        """Units: The vocabulary.

        RAISES (ValueError): If there is none, or it does not fit the weights.
        """
        units = load_units(self.model.attrs["units"])
        pieces = network_shim(self.model).dims["pieces"]
        if units.kind != self.kind or len(units) != pieces:
            raise ValueError(
                f'"{self.name}" predicts {self.kind} and has weights for {pieces} of them, but '
                f"its vocabulary is one of {len(units)} {units.kind}: load settings, vocabulary "
                f"and weights of one model"
            )
        return units

    @property
    def written(self) -> str:
        return f"{self.attr_prefix}perplexity"

    def check_loaded(self) -> None:
        # Before it is initialized, a model has no vocabulary, and weights for one piece.
        if self.model.attrs["units"] or network_shim(self.model).dims["pieces"] > 1:
            self.units  # noqa: B018

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> list[LMScores]:
        """Compute how surprising documents are, without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[LMScores]): The surprisal of the pieces of each.
        """
        units = self.units
        docs = list(docs)
        texts = [units.encode(doc) for doc in docs]
        nats = score_texts(
            self.model, list(map(self._in_reading_order, texts)), self.max_batch_tokens
        )
        scores = []
        for doc, pieces, doc_nats in zip(docs, texts, nats, strict=True):
            bits = doc_nats.astype(np.float64) / BITS
            bits = np.append(self._in_reading_order(bits[:-1]), bits[-1])
            scores.append(LMScores(bits, units.token_indices(doc, pieces)))
        return scores

    def _in_reading_order(self, array: Any) -> Any:
        return array[::-1] if self.backward else array

    def set_annotations(self, docs: Iterable[Doc], scores: list[LMScores]) -> None:
        """Write surprisal and perplexity to documents.

        docs (Iterable[Doc]): The documents.
        scores (list[LMScores]): Their surprisal, as `predict` returned it.
        """
        for doc, (bits, token_of_piece) in zip(docs, scores, strict=True):
            surprisals = np.bincount(token_of_piece, bits[:-1], minlength=len(doc)).tolist()
            for token, surprisal in zip(doc, surprisals, strict=True):
                token._.set(f"{self.attr_prefix}surprisal", surprisal)
            total = float(bits.sum())
            doc._.set(f"{self.attr_prefix}perplexity", perplexity_of(total, len(doc) + 1))
            doc._.set(f"{self.attr_prefix}bits_per_char", total / (len(doc.text) + 1))
            # Plain values, which travel with the document to wherever it is scored.
            doc.user_data[TOTALS.format(attr_prefix=self.attr_prefix)] = (total, len(bits))

    def __call__(self, doc: Doc, *, batch_size: int = 1) -> Doc:
        """Compute the surprisal of one document.

        doc (Doc): The document.
        batch_size (int): Unused. spaCy passes it along with the settings of a call.
        RETURNS (Doc): The document itself.
        """
        return next(self.pipe([doc]), doc)

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Compute the surprisal of a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The number of documents to read ahead and to sort by length.
        YIELDS (Doc): The documents, in order.
        """
        self._ensure_extensions()  # A spawned process does not have them yet.

        def score_batch(docs: list[Doc]) -> None:
            self.set_annotations(docs, self.predict(docs))

        yield from annotate_stream(self, stream, batch_size, score_batch)

    # Generation

    def generate(
        self,
        prompt: str | Doc | list[str] | list[Doc] = "",
        *,
        max_new_tokens: int = 50,
        num_return_sequences: int = 1,
        search: Search | None = None,
        **settings: Any,
    ) -> list[dict] | list[list[dict]]:
        """Generate continuations of prompts.

        prompt (str | Doc | list[str] | list[Doc]): The prompt, or several that are continued as
            one batch. A string is tokenized by the tokenizer of the component. In a model of
            characters white space at its end is part of it.
        max_new_tokens (int): The maximum number of pieces to generate.
        num_return_sequences (int): The number of texts for each prompt.
        search (Search | None): The search, such as `spacy-rnn.beam_search.v1`. Default:
            `spacy-rnn.sampling_search.v1`.
        settings (Any): Settings of the search to change: temperature, top_k, top_p, seed,
            min_length, repetition_penalty, no_repeat_ngram_size and so on. Penalties of
            repetition compare generated pieces with each other, not with the prompt.
        RETURNS (list[dict] | list[list[dict]]): For each prompt the texts, the most probable
            first: "text", the prompt included; "score", the log-probability of the continuation
            in nats; "pieces" and "piece_scores", that of the end included. For a single prompt
            its list alone.
        RAISES (ValueError): If a setting is out of its bounds, or the model reads backward.
        """
        self._check_forward("generate")
        prompts: list = prompt if isinstance(prompt, list) else [prompt]
        docs = [self._make_doc(prompt) for prompt in prompts]
        check_count("max_new_tokens", max_new_tokens, 1)
        search = search or SamplingSearch()
        search = search.change(
            max_ratio=0, max_extra=max_new_tokens, n_best=num_return_sequences, **settings
        )
        if search.min_length > max_new_tokens:
            raise ValueError(
                f"min_length is {search.min_length}, but max_new_tokens is {max_new_tokens}: "
                f"lower the one or raise the other"
            )
        pieces = [self.units.encode(doc) for doc in docs]
        hypotheses = generate(self.model, pieces, search, self.max_batch_tokens)
        results = [
            [
                self._describe(doc, doc_pieces, hypothesis)
                for hypothesis in doc_hypotheses[:num_return_sequences]
            ]
            for doc, doc_pieces, doc_hypotheses in zip(docs, pieces, hypotheses, strict=True)
        ]
        return results if isinstance(prompt, list) else results[0]

    def _make_doc(self, prompt: str | Doc) -> Doc:
        if isinstance(prompt, str | Doc):
            return self.tokenizer(prompt) if isinstance(prompt, str) else prompt
        raise ValueError(f"A prompt is a text or a document, not {prompt!r}")

    def _describe(self, prompt: Doc, pieces: np.ndarray, hypothesis: "Hypothesis") -> dict:
        # The prompt itself is repeated, not what its pieces decode to: some may be unknown.
        decoded_prompt = self.units.decode(pieces.tolist())
        decoded = self.units.decode([*pieces.tolist(), *hypothesis.pieces])
        continuation = decoded.removeprefix(decoded_prompt)
        start = prompt.text.rstrip(" ") if continuation.startswith(" ") else prompt.text
        return {
            "text": start + continuation if decoded.startswith(decoded_prompt) else decoded,
            "score": sum(hypothesis.piece_scores),
            "pieces": self.units.to_pieces(hypothesis.pieces),
            "piece_scores": hypothesis.piece_scores,
        }

    def stream(self, state: bytes | None = None) -> TextStream:
        """Open a stream that reads a text of any length piece by piece.

        state (bytes | None): Stored state to continue from, as `TextStream.to_bytes` returned it.
        RETURNS (TextStream): The stream, to be entered by `with`. Any number may be open side by
            side.
        RAISES (ValueError): If the model reads backward, or the state is that of another one.
        """
        self._check_forward("stream")
        return TextStream(self.model, self.units, self.reset == "never", state)

    def _check_forward(self, method: str) -> None:
        if self.backward:
            raise ValueError(
                f'"{self.name}" reads texts from their end, so that it cannot {method}: train a '
                f'model with direction = "forward"'
            )

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: str | None = None,
    ) -> None:
        """Learn the vocabulary and build the network for it.

        get_examples (Callable[[], Iterable[Example]]): Returns the training data.
        nlp (Language | None): The pipeline.
        labels (str | None): The vocabulary, as `spacy init labels` writes it. None to learn it
            from the training data.
        RAISES (TypeError): If there are no examples.
        RAISES (ValueError): If the data do not allow a vocabulary of these settings.
        """
        check_get_examples(get_examples, "RecurrentLanguageModel.initialize")
        warn_without_weight(nlp, self.name, "rnn_lm", "inverse_perplexity")
        if labels is None:
            check_complete(
                self.name, get_examples, nlp, "learns its vocabulary from training data"
            )
            examples = track_examples(
                get_examples, f"Reading texts for a vocabulary of {self.kind}"
            )
            docs = (example.reference for example in examples)
            units = make_units(
                self.kind, docs, vocab_size=self.vocab_size, min_count=self.min_count
            )
        else:
            units = self._read_labels(labels)
        self.model.attrs["units"] = units.to_bytes()
        self._streams.clear()
        self.model.set_dim("nO", len(units), force=True)
        self.model.initialize()

    def _read_labels(self, labels: str) -> Units:
        if not isinstance(labels, str) or not labels:
            raise ValueError(
                f"The labels of a language model are its vocabulary as one string, but these are "
                f"{labels!r:.80}, of the type {type(labels).__name__}: write them by spacy init "
                f"labels"
            )
        units = load_units(labels.encode("utf8"))
        if units.kind != self.kind:
            raise ValueError(
                f'The labels of "{self.name}" are a vocabulary of {units.kind}, but units is '
                f'"{self.kind}": write them anew by spacy init labels'
            )
        return units

    @property
    def label_data(self) -> str:
        """str: The vocabulary, for `spacy init labels`."""
        return self.units.to_bytes().decode("utf8")

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of documents, or of chunks by `spacy-rnn.BPTTBatcher.v1`.

        examples (Iterable[Example]): The examples, whose reference texts are read.
        drop (float): The dropout rate.
        sgd (Optimizer | None): The optimizer.
        losses (dict[str, float] | None): Losses to add to: the negative log-likelihood of all
            pieces, in nats.
        RETURNS (dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list_examples(examples, "RecurrentLanguageModel.update")
        set_dropout_rate(self.model, drop)
        segments = [
            segment for example in examples for segment in self._to_segments(example.reference)
        ]
        texts = [segment.pieces for segment in segments]
        for start in range(0, max(map(len, texts), default=0), self.max_bptt):
            unread = []
            for segment, pieces in zip(segments, texts, strict=True):
                if len(pieces) > start:
                    segment.pieces = pieces[start : start + self.max_bptt]
                    unread.append(segment)
            nlls, backprop = self.model.begin_update(unread)
            backprop(1.0)
            network_shim(self.model).sample_size += len(nlls)
            losses[self.name] += float(nlls.sum())
        if sgd is not None:
            self.finish_update(sgd)
        return losses

    @property
    def training_state(self) -> dict[str, Any]:
        """dict[str, Any]: The state of each stream, for a training to go on where it was."""
        return {
            str(number): {
                "before": segment.before,
                "state": segment.state and [part.float().cpu().numpy() for part in segment.state],
                "dtype": segment.state and str(segment.state[0].dtype).removeprefix("torch."),
            }
            for number, segment in self._streams.items()
        }

    @training_state.setter
    def training_state(self, streams: dict[str, Any]) -> None:
        import torch

        device = network_shim(self.model).device
        self._streams = {}
        for number, stored in streams.items():
            state = stored["state"] and tuple(
                torch.from_numpy(part).to(device, getattr(torch, stored["dtype"]))
                for part in stored["state"]
            )
            self._streams[int(number)] = Segment(np.zeros(0, int), stored["before"], state)

    def _distill(self, earlier: LanguageModelT, docs: list[Doc]) -> float:
        units = self.units
        texts = [np.asarray(self._in_reading_order(units.encode(doc))) for doc in docs]
        loss = 0.0
        for batch in batch_by_length(list(map(len, texts)), self.max_batch_tokens, min_length=1):
            loss += distill(self.model, earlier, [texts[index] for index in batch])
        network_shim(self.model).sample_size += sum(len(text) + 1 for text in texts)
        return loss

    def _to_segments(self, doc: Doc) -> list[Segment]:
        """Split a document or chunk into segments.

        Each is of one text unless the state is never reset.
        """
        chunk = get_chunk(doc)
        if chunk is None:
            return [Segment(np.append(self._in_reading_order(self.units.encode(doc)), END))]
        self._check_forward("learn from streams, which begin in the middle of documents")
        parts = encode_parts(self.units, doc, chunk.doc_ends)
        previous = None if chunk.is_first else self._streams.get(chunk.stream)
        if self.reset == "never":
            parts = [np.concatenate(parts)]
        segments = [Segment(part) for part in parts]
        if previous is not None:
            segments[0].before, segments[0].state = previous.before, previous.state
        self._streams[chunk.stream] = segments[-1]
        return segments

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score how well texts were predicted.

        examples (Iterable[Example]): Examples with predictions.
        kwargs (Any): Arguments of the scorer.
        RETURNS (dict[str, Any]): The scores of the scorer, by the name of the component.
        """
        if self.scorer is None:
            return {}
        scores = self.scorer(list(examples), attr_prefix=self.attr_prefix, **kwargs)
        return {f"{self.name}_{key}": value for key, value in scores.items()}
