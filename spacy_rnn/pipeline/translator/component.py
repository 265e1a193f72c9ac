"""A translator: an encoder, a decoder with attention, a search."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from ...architectures.seq2seq import translate
from ...batching import batch_by_length
from ...bridge.access import network_shim
from ...bridge.threads import TaskThreads, default_threads
from ...checks import check_count, check_rate
from ...extensions import (
    ensure_computed_extension,
    ensure_deferred_extension,
    ensure_extension,
)
from ...generation.search import GreedySearch
from ...generation.settings import Detail
from ...metrics.common import references_of
from ...metrics.translation import tokenization_of
from ...text.subwords import Subwords, train_subwords
from ...types import Guide, Translations
from ..annotation import annotate_stream
from ..attributes import AttributeOwner
from ..examples import check_get_examples, list_examples
from ..initialization import check_complete, warn_without_weight
from ..missing import DROPPED_USER_DATA, MissingGold
from ..rehearsal import RehearsingPipe
from ..storage import StoredPipe
from .calls import Call, check_call, read_call
from .completeness import IncompleteCount
from .guide import Alignments, check_guide
from .keep import KeepSettings
from .pairs import PairStatistics, count_pairs
from .passages import Translation
from .predictor import Predictor
from .projection import check_language, project_first
from .results import Describer
from .scoring import average, compute_perplexities, score_pieces
from .subwords import (
    check_joinable,
    check_vocabularies,
    learn_vocabularies,
    read_labels,
    reads_subwords,
    source_subwords,
    target_subwords,
    write_labels,
)
from .terms import TermSettings

logger = logging.getLogger("spacy")


class RecurrentTranslator(StoredPipe, RehearsingPipe, AttributeOwner):
    """Translate documents into another language.

    The settings are those of `make_translator`. The names of the attributes follow its `attr`.

    doc._.translation (str | None): The translation.
    doc._.translations (list[dict] | None): The n best translations, the best first. Each has its
        "text". Where `detail` is "scores" or "alignments" it also has its "score", by which the
        search ranks it; subword "pieces"; and their log-probabilities "piece_scores". Where it is
        "alignments", also the "alignment", for each piece its "start" and "end" in the translation
        and up to eight "source" positions ("start", "end", "token", "weight"); "copied", the
        "start" and "end" of what is copied between passages, and its "source", where it starts in
        the document; and "untranslated", the "start" and "end" of parts of the document that it
        seems to leave out.
    doc._.translation_doc (Doc | None): The translation as a document, which `project` makes each
        time that it is read, with tokens of `trg_lang`, which "translation_lang" names.
    doc._.translation_prefix (str | None): The text that the translation has to begin with, set
        before the component is called.

    ensemble (tuple[RecurrentTranslator, ...]): Others that translate together with this one, as
        `set_ensemble` set them.
    """

    setting = "attr"

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "rnn_translator",
        *,
        search: Callable,
        scorer: Callable | None,
        attr: str,
        vocab_size: int,
        shared_vocab: bool,
        subwords: str,
        subword_sampling: float,
        guided_alignment: float,
        max_batch_tokens: int,
        read_ahead: int,
        threads: int | None,
        detail: str,
        int8: bool,
        banned_pieces: Iterable[str],
        max_sentences: int | None,
        trg_lang: str | None,
        terms_key: str,
        terms_label: str,
        keep: Iterable[str],
        keep_labels: Iterable[str],
        keep_key: str,
    ):
        if max_sentences is not None:
            check_count("max_sentences", max_sentences, 0)
        check_count("max_batch_tokens", max_batch_tokens, 1)
        check_call(read_ahead, threads, detail, keep)
        check_rate("subword_sampling", subword_sampling)
        check_guide(model, guided_alignment)
        check_language("trg_lang", trg_lang)
        super().__init__(vocab, model, name)
        self._rehearsal_model: Model | None = None
        self.search = search
        self.scorer = scorer
        self.attr = attr
        self.vocab_size = vocab_size
        self.shared_vocab = shared_vocab
        self.kind = subwords
        self.max_batch_tokens = max_batch_tokens
        self.read_ahead = read_ahead
        self.threads = threads
        self.detail = detail
        self.int8 = int8
        self.banned_pieces = tuple(banned_pieces)
        self.subword_sampling = subword_sampling
        self.guided_alignment = guided_alignment
        self.max_sentences = max_sentences
        self.trg_lang = trg_lang
        self.terms = TermSettings(terms_key, terms_label)
        self.keep = tuple(keep)
        self.keep_labels = tuple(keep_labels)
        self.keep_key = keep_key
        self.cfg = PairStatistics()._asdict()
        self.ensemble: tuple[RecurrentTranslator, ...] = ()
        self._missing = MissingGold(name, f"translation in reference._.{attr}", DROPPED_USER_DATA)
        self._has_said_incomplete = False
        self._has_said_unguided = False
        self._alignments: Alignments | None = None
        self._ensure_extensions()

    def _ensure_extensions(self) -> None:
        for name in (self.attr, f"{self.attr}_prefix", f"{self.attr}_lang"):
            ensure_extension(name)
        ensure_deferred_extension(f"{self.attr}s")
        ensure_computed_extension(f"{self.attr}_doc", partial(project_first, self.attr))

    @property
    def target_subwords(self) -> Subwords:
        """Subwords: The target vocabulary."""
        return target_subwords(self.model)

    @property
    def source_subwords(self) -> Subwords | None:
        """Subwords | None: The source vocabulary. None if the encoder reads tokens."""
        return source_subwords(self.model)

    @property
    def written(self) -> str:
        return self.attr

    def check_loaded(self) -> None:
        if (
            not self.model.attrs["subwords"]
            and network_shim(self.model).dims["target_pieces"] == 1
        ):
            return  # It was stored before it was initialized.
        check_vocabularies(self.model)
        self.target_subwords.piece_ids(self.banned_pieces)

    # Prediction

    def set_ensemble(self, others: "Iterable[RecurrentTranslator]") -> None:
        """Have other translators translate together with this one, from now on.

        At each step the probabilities of the next piece are averaged, in `log_probs` too. Each
        translator segments sources by its own vocabulary; passages, settings and alignments are
        those of this one. Training changes this one alone, and no file holds the others.

        others (Iterable[RecurrentTranslator]): The others, from other pipelines. Without any, this
            one translates alone.
        RAISES (ValueError): If one has another target vocabulary, or reads tokens by an encoder
            of its pipeline.
        """
        others = tuple(others)
        for other in others:
            check_joinable(self.name, self.model, other.name, other.model)
        self.ensemble = others

    def __call__(self, doc: Doc, *, batch_size: int = 1, **settings: Any) -> Doc:
        """Translate one document.

        doc (Doc): The document.
        batch_size (int): Unused. spaCy passes it along with the settings of a call.
        settings (Any): Settings of the search in this call, as those of `pipe`.
        RETURNS (Doc): The document itself.
        """
        return next(self.pipe([doc], **settings), doc)

    def pipe(
        self, stream: Iterable[Doc], *, batch_size: int = 128, **settings: Any
    ) -> Iterator[Doc]:
        """Translate a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The number of documents to read ahead and to sort by length, unless
            `read_ahead` is more.
        settings (Any): Settings of this call, set by
            `component_cfg={"rnn_translator": {"beam_width": 8}}`: those of the search; "search",
            another search; and "detail", "threads", "read_ahead" and "keep" of the component.
        YIELDS (Doc): The documents, in order.
        RAISES (ValueError): If there is no such setting, or it is out of its bounds.
        """
        self._ensure_extensions()
        call = self._read_call(settings)
        predictor = self._make_predictor(call)
        count = IncompleteCount(self.cfg["length_ratio"])

        def translate_batch(docs: list[Doc]) -> None:
            translations = predictor.translate(docs, threads)
            self.set_annotations(docs, translations)
            # Only alignments say what is missing.
            if call.detail >= Detail.ALIGNMENTS:
                count.add(docs, translations)

        batch_size = max(batch_size, call.read_ahead)
        try:
            with self._make_threads(call) as threads:
                yield from annotate_stream(self, stream, batch_size, translate_batch)
        finally:
            if count.incomplete and not self._has_said_incomplete:
                self._has_said_incomplete = True
                count.warn(self.name, self.attr, self._passage_size)

    @property
    def _passage_size(self) -> int:
        """int: The maximum number of sentences in a passage, 0 for whole documents."""
        trained = self.cfg["max_sentences"]
        return trained if self.max_sentences is None else self.max_sentences

    def predict(self, docs: Iterable[Doc]) -> list[Translation]:
        """Translate documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Translation]): The translation of each.
        """
        call = self._read_call({})
        with self._make_threads(call) as threads:
            return self._make_predictor(call).translate(list(docs), threads)

    def _read_call(self, settings: dict[str, Any]) -> Call:
        defaults = {field: getattr(self, field) for field in Call._fields}
        return read_call(self.name, defaults, settings)

    def _make_threads(self, call: Call) -> TaskThreads:
        number = call.threads
        return TaskThreads(number or default_threads(network_shim(self.model).device))

    def _make_predictor(self, call: Call) -> Predictor:
        return Predictor(
            self.model,
            [other.model for other in self.ensemble],
            call.search,
            call.detail,
            attr=self.attr,
            max_sentences=self._passage_size,
            line_breaks=self.cfg["line_breaks"],
            max_batch_tokens=self.max_batch_tokens,
            banned_pieces=self.banned_pieces,
            int8=self.int8,
            terms=self.terms,
            keep=KeepSettings(call.keep, self.keep_labels, self.keep_key),
        )

    def set_annotations(self, docs: Iterable[Doc], scores: list[Translation]) -> None:
        """Write translations to documents.

        docs (Iterable[Doc]): The documents.
        scores (list[Translation]): Their translations, as `predict` returned them.
        """
        describer = Describer(
            self.attr,
            self.source_subwords,
            self.target_subwords,
            self.cfg["length_ratio"],
            self.trg_lang,
        )
        for doc, translation in zip(docs, scores, strict=True):
            describer.annotate(doc, translation)

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, str] | None = None,
    ) -> None:
        """Learn the vocabularies and build the network for them.

        get_examples (Callable[[], Iterable[Example]]): Returns the training data.
        nlp (Language | None): The pipeline.
        labels (dict[str, str] | None): The vocabularies, as `spacy init labels` writes them. None
            to learn them from the training data.
        RAISES (TypeError): If there are no examples.
        RAISES (ValueError): If the data do not allow a vocabulary of this size.
        """
        check_get_examples(get_examples, "RecurrentTranslator.initialize")
        warn_without_weight(nlp, self.name, "rnn_translator", "bleu")
        self._missing.restart()
        if labels is None:
            check_complete(
                self.name, get_examples, nlp, "learns its vocabularies from training data"
            )
            learn = partial(train_subwords, size=self.vocab_size, kind=self.kind)
            source, target = learn_vocabularies(
                get_examples,
                self.attr,
                learn,
                reads_subwords=reads_subwords(self.model),
                shared=self.shared_vocab,
            )
        else:
            if self.guided_alignment:
                check_complete(
                    self.name,
                    get_examples,
                    nlp,
                    "learns alignments from training data",
                    "set max_epochs to 0, or guided_alignment to 0",
                )
            source, target = read_labels(labels)
        self.cfg.update(count_pairs(get_examples, self.attr, self._missing)._asdict())
        if reads_subwords(self.model):
            self.model.get_ref("source").attrs["subwords"] = source.to_bytes()
        self.model.attrs["subwords"] = target.to_bytes()
        self.model.set_dim("nO", len(target), force=True)
        self.model.initialize(X=[example.x for example in islice(get_examples(), 10)])
        self._alignments = None
        if self.guided_alignment:
            self._alignments = Alignments(self.model, get_examples, self.attr)

    @property
    def label_data(self) -> dict[str, str]:
        """dict[str, str]: The vocabularies, for `spacy init labels`."""
        return write_labels(self.source_subwords, self.target_subwords)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of translations.

        examples (Iterable[Example]): Examples. Those without translations are ignored.
        drop (float): The dropout rate.
        sgd (Optimizer | None): The optimizer.
        losses (dict[str, float] | None): Losses to add to: the negative log-likelihood of all
            pieces, in nats.
        RETURNS (dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list_examples(examples, "RecurrentTranslator.update")
        docs, texts = self._pair(examples, "training")
        if not docs:
            return losses
        set_dropout_rate(self.model, drop)
        pieces = self.target_subwords.encode(texts, self.subword_sampling)
        losses[self.name] += self._learn(docs, pieces, self._choose_guide())
        if sgd is not None:
            self.finish_update(sgd)
        return losses

    def _choose_guide(self) -> Guide | None:
        """Return the guide of the attention, if its vocabularies have been aligned."""
        if not self.guided_alignment:
            return None
        if self._alignments is not None and self._alignments.fit(self.model):
            return self._alignments.make_guide(self.guided_alignment)
        if not self._has_said_unguided:
            self._has_said_unguided = True
            logger.warning(
                '"%s": guided_alignment is %s, but has no effect on this training: alignments are '
                "learned where a translator is initialized, and this one comes from a trained "
                "pipeline. Set it to 0 to go on without this message",
                self.name,
                self.guided_alignment,
            )
        return None

    def _learn(
        self, docs: list[Doc], pieces: list[list[int]], guide: Guide | None = None
    ) -> float:
        """Add the gradients of translations, and return their negative log-likelihood."""
        if reads_subwords(self.model):
            self.model.get_ref("source").attrs["subword_sampling"] = self.subword_sampling
        nlls, backprop = self.model.begin_update(Translations(docs, pieces, guide))
        backprop(1.0)
        network_shim(self.model).sample_size += len(nlls)
        return float(nlls.sum())

    def _distill(self, earlier: Model, docs: list[Doc]) -> float:
        """Learn the translations of an earlier model (Kim & Rush 2016)."""
        sources = earlier.get_ref("source").predict(docs)
        hypotheses = translate(earlier, sources, GreedySearch(), banned_pieces=self.banned_pieces)
        return self._learn(docs, [best.pieces for best, *_ in hypotheses])

    def _pair(self, examples: list[Example], occasion: str) -> tuple[list[Doc], list[str]]:
        """Return the documents that have references, and the first reference of each."""
        references = [references_of(example, self.attr) for example in examples]
        self._missing.check(occasion, map(bool, references))
        pairs = [
            (example.predicted, texts[0])
            for example, texts in zip(examples, references, strict=True)
            if texts
        ]
        return [doc for doc, _ in pairs], [text for _, text in pairs]

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted translations, and the references by forced decoding.

        examples (Iterable[Example]): Examples with predictions.
        kwargs (Any): Arguments of the scorer.
        RETURNS (dict[str, Any]): The scores of the scorer; "token_perplexity" and
            "word_perplexity", per piece and per word of the references, the end of each text
            counted as one more. Words are separated by white space, or are the tokens of the
            tokenizer that the scorer is set to. All by the name of the component.
        """
        examples = list(examples)
        scores = self.scorer(examples, attr=self.attr, **kwargs) if self.scorer else {}
        docs, texts = self._pair(examples, "scores")
        if docs:
            tokenization = tokenization_of(self.scorer)
            scores |= compute_perplexities(self.log_probs(docs, texts), texts, tokenization)
        return {f"{self.name}_{key}": value for key, value in scores.items()}

    def log_probs(self, docs: list[Doc], translations: list[str]) -> list[list[float]]:
        """Score given translations by forced decoding.

        docs (list[Doc]): The documents, each translated as a whole.
        translations (list[str]): A translation of each.
        RETURNS (list[list[float]]): For each translation the log-probability of each piece and of
            its end.
        """
        pieces = self.target_subwords.encode(translations)
        lengths = [
            max(len(doc.text), len(text)) for doc, text in zip(docs, translations, strict=True)
        ]
        batches = [*batch_by_length(lengths, 4 * self.max_batch_tokens, longest_first=True)]
        return average(
            [score_pieces(each.model, docs, pieces, batches) for each in (self, *self.ensemble)]
        )
