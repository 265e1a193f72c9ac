"""A translator: an encoder, a decoder with attention, a search."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from ...architectures.seq2seq import translate
from ...batching import batch_by_length, share_by_length
from ...bridge.access import network_shim
from ...bridge.threads import TaskThreads, default_threads
from ...checks import check_choice, check_count, check_rate
from ...extensions import ensure_deferred_extension, ensure_extension
from ...generation.search import GreedySearch, Search
from ...generation.settings import Detail
from ...metrics.common import references_of
from ...metrics.translation import tokenization_of
from ...text.subwords import Subwords, load_subwords, parse_subwords, train_subwords
from ..annotation import annotate_stream
from ..attributes import AttributeOwner
from ..examples import check_get_examples, list_examples
from ..initialization import check_complete, warn_without_weight
from ..missing import DROPPED_USER_DATA, MissingGold
from ..rehearsal import RehearsingPipe
from ..storage import StoredPipe
from .completeness import is_incomplete
from .pairs import PairStatistics, count_pairs
from .passages import Passage, TranslatedPassage, Translation, split_passages
from .results import Describer
from .scoring import average, compute_perplexities, score_pieces
from .subwords import find_difference, learn_vocabularies

if TYPE_CHECKING:
    from ...generation.state import Hypothesis

logger = logging.getLogger("spacy")

SIDES = ("source", "target")
DETAILS = tuple(detail.name.lower() for detail in Detail)


class RecurrentTranslator(StoredPipe, RehearsingPipe, AttributeOwner):
    """Translate documents into another language.

    The settings are those of `make_translator`. The names of the attributes follow its `attr`.

    doc._.translation (str | None): The translation.
    doc._.translations (list[dict] | None): The n best translations, the best first. Each has its
        "text". Where `detail` is "scores" or "alignments" it also has its "score", by which the
        search ranks it; subword "pieces"; and their log-probabilities "piece_scores". Where it is
        "alignments", also the "alignment", for each piece its "start" and "end" in the translation
        and up to eight "source" positions ("start", "end", "token", "weight"); and
        "untranslated", the "start" and "end" of parts of the document that it seems to leave out.
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
        max_batch_tokens: int,
        read_ahead: int,
        threads: int | None,
        detail: str,
        int8: bool,
        banned_pieces: Iterable[str],
        max_sentences: int | None,
    ):
        if max_sentences is not None:
            check_count("max_sentences", max_sentences, 0)
        check_count("max_batch_tokens", max_batch_tokens, 1)
        _check_call(read_ahead, threads, detail)
        check_rate("subword_sampling", subword_sampling)
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
        self.max_sentences = max_sentences
        self.cfg = PairStatistics()._asdict()
        self.ensemble: tuple[RecurrentTranslator, ...] = ()
        self._missing = MissingGold(name, f"translation in reference._.{attr}", DROPPED_USER_DATA)
        self._has_said_incomplete = False
        self._ensure_extensions()

    def _ensure_extensions(self) -> None:
        for name in (self.attr, f"{self.attr}_prefix"):
            ensure_extension(name)
        ensure_deferred_extension(f"{self.attr}s")

    @property
    def _reads_subwords(self) -> bool:
        return "subwords" in self.model.get_ref("source").attrs

    @property
    def target_subwords(self) -> Subwords:
        """Subwords: The target vocabulary."""
        return load_subwords(self.model.attrs["subwords"])

    @property
    def source_subwords(self) -> Subwords | None:
        """Subwords | None: The source vocabulary. None if the encoder reads tokens."""
        source = self.model.get_ref("source")
        return load_subwords(source.attrs["subwords"]) if self._reads_subwords else None

    @property
    def written(self) -> str:
        return self.attr

    def check_loaded(self) -> None:
        dims = network_shim(self.model).dims
        if not self.model.attrs["subwords"] and dims["target_pieces"] == 1:
            return  # It was stored before it was initialized.
        target, source = self.target_subwords, self.source_subwords
        if self._reads_subwords and self.model.attrs["tied_embeddings"] and source != target:
            raise ValueError(
                "source and target share their embeddings, but not their vocabulary: restore the "
                "model from where it was copied"
            )
        sizes = {"target_pieces": target} | ({} if source is None else {"source_pieces": source})
        for dim, subwords in sizes.items():
            subwords.check()
            if len(subwords) != dims[dim]:
                raise ValueError(
                    f"the weights have {dim} = {dims[dim]}, but the vocabulary has "
                    f"{len(subwords)}: load vocabulary and weights of one model"
                )
        target.piece_ids(self.banned_pieces)

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
            difference = find_difference(other.target_subwords, self.target_subwords)
            if difference is not None:
                raise ValueError(
                    f"{other.name} has another target vocabulary than {self.name}: {difference}. "
                    f"Train both with the vocabularies that spacy init labels writes"
                )
            if not other._reads_subwords:
                raise ValueError(
                    f"{other.name} reads tokens by an encoder of its own pipeline, and not "
                    f"subwords: begin the ensemble with it"
                )
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
            another search; and "detail", "threads" and "read_ahead" of the component.
        YIELDS (Doc): The documents, in order.
        RAISES (ValueError): If there is no such setting, or it is out of its bounds.
        """
        self._ensure_extensions()
        call = self._read_settings(settings)
        documents = 0
        incomplete: list[str] = []

        def translate_batch(docs: list[Doc]) -> None:
            nonlocal documents
            translations = self._predict(docs, call, threads)
            self.set_annotations(docs, translations)
            documents += len(docs)
            # Only alignments say what is missing.
            if call.detail >= Detail.ALIGNMENTS:
                incomplete.extend(
                    doc.text[:60]
                    for doc, translation in zip(docs, translations, strict=True)
                    if is_incomplete(translation, self.cfg["length_ratio"])
                )

        batch_size = max(batch_size, call.read_ahead)
        try:
            with TaskThreads(call.threads) as threads:
                yield from annotate_stream(self, stream, batch_size, translate_batch)
        finally:
            self._say_incomplete(documents, incomplete)

    def _say_incomplete(self, documents: int, incomplete: list[str]) -> None:
        """Say how many translations of a stream are incomplete, unless that was said before.

        documents (int): The number of documents.
        incomplete (list[str]): The beginnings of those whose translation leaves something out.
        """
        if not incomplete or self._has_said_incomplete:
            return
        self._has_said_incomplete = True
        logger.warning(
            '"%s": %d of %d translations seem to leave out a part of the text, the first that of '
            '%r. doc._.%ss[0]["untranslated"] says which. Where passages have more sentences than '
            "sources of the training data had, set max_sentences to translate fewer as one (it is "
            "%d). This is said once",
            self.name,
            len(incomplete),
            documents,
            incomplete[0],
            self.attr,
            self._passage_size,
        )

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
        call = self._read_settings({})
        with TaskThreads(call.threads) as threads:
            return self._predict(list(docs), call, threads)

    def _predict(self, docs: list[Doc], call: "_Call", threads: TaskThreads) -> list[Translation]:
        passages = split_passages(docs, self._passage_size, self.cfg["line_breaks"])
        # A prefix begins the first passage of its document.
        firsts = {passage.document: index for index, passage in reversed([*enumerate(passages)])}
        prefixes: list[str | None] = [None] * len(passages)
        for number, index in firsts.items():
            prefixes[index] = self._prefix_of(docs[number])
        # A piece is taken to have four characters: pieces are known only inside a batch.
        lengths = [len(passage.text) for passage in passages]
        batches = share_by_length(lengths, 4 * self.max_batch_tokens, threads.number)

        def search(batch: list[int]) -> list[TranslatedPassage]:
            return self._search(
                [passages[index] for index in batch], [prefixes[index] for index in batch], call
            )

        translated = dict(
            zip(chain.from_iterable(batches), chain(*threads.map(search, batches)), strict=True)
        )
        translations = [Translation([], call.detail) for _ in docs]
        for index, passage in enumerate(passages):
            translations[passage.document].passages.append(translated[index])
        return translations

    def _prefix_of(self, doc: Doc) -> str | None:
        prefix = doc._.get(f"{self.attr}_prefix")
        if prefix is not None and not isinstance(prefix, str):
            raise ValueError(
                f"doc._.{self.attr}_prefix is {prefix!r}: set it to the text that the translation "
                f"begins with, or to None"
            )
        return prefix

    def _search(
        self, passages: list[Passage], prefixes: list[str | None], call: "_Call"
    ) -> list[TranslatedPassage]:
        """Translate a batch of passages, in any thread."""
        docs = [passage.source for passage in passages]
        sources = self.model.get_ref("source").predict(docs)
        hypotheses = translate(
            self.model,
            sources,
            call.search,
            prefixes=prefixes,
            banned_pieces=self.banned_pieces,
            int8=self.int8,
            detail=call.detail,
            others=[
                (other.model, other.model.get_ref("source").predict(docs))
                for other in self.ensemble
            ],
        )
        n_best = getattr(call.search, "n_best", 1)
        return [
            TranslatedPassage.of(
                passage,
                source.tolist() if self._reads_subwords else None,
                *self._distinct(ranked, n_best),
            )
            for passage, source, ranked in zip(passages, sources, hypotheses, strict=True)
        ]

    def _distinct(
        self, hypotheses: "list[Hypothesis]", n_best: int
    ) -> "tuple[list[Hypothesis], list[str]]":
        """Return the n best hypotheses of distinct texts, and these.

        Of several segmentations of one text the best one is taken.
        """
        if n_best == 1:
            hypotheses = hypotheses[:1]
        texts = self.target_subwords.decode([hypothesis.pieces for hypothesis in hypotheses])
        best: dict[str, Hypothesis] = {}
        for text, hypothesis in zip(texts, hypotheses, strict=True):
            best.setdefault(text, hypothesis)
        return list(best.values())[:n_best], list(best)[:n_best]

    def _read_settings(self, settings: dict[str, Any]) -> "_Call":
        """Read the settings of a call, which those of the component stand in for."""
        search = settings.pop("search", self.search)
        read_ahead = settings.pop("read_ahead", self.read_ahead)
        threads = settings.pop("threads", self.threads)
        detail = settings.pop("detail", self.detail)
        _check_call(read_ahead, threads, detail)
        if not callable(search):
            raise ValueError(
                f"The search of {self.name} is {search!r}: choose one of spacy_rnn's, such as "
                f"GreedySearch(), or a function that is called as these are"
            )
        if settings:
            if not isinstance(search, Search):
                raise ValueError(
                    f"The search of {self.name} is not one of spacy-rnn's, so that "
                    f"{', '.join(settings)} cannot be set for it"
                )
            search = search.change(**settings)
        if threads is None:
            threads = default_threads(network_shim(self.model).device)
        return _Call(search, read_ahead, threads, Detail[detail.upper()])

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
                reads_subwords=self._reads_subwords,
                shared=self.shared_vocab,
            )
        else:
            source, target = self._read_labels(labels)
        self.cfg.update(count_pairs(get_examples, self.attr, self._missing)._asdict())
        if self._reads_subwords:
            self.model.get_ref("source").attrs["subwords"] = source.to_bytes()
        self.model.attrs["subwords"] = target.to_bytes()
        self.model.set_dim("nO", len(target), force=True)
        self.model.initialize(X=[example.x for example in islice(get_examples(), 10)])

    def _read_labels(self, labels: dict[str, str]) -> tuple[Subwords, Subwords]:
        if not isinstance(labels, dict) or labels.keys() != set(SIDES):
            raise ValueError(
                f"The labels of a translator are its vocabularies, a dictionary with the keys "
                f"{' and '.join(SIDES)}, but these are {labels!r:.80}: write them by spacy init "
                f"labels"
            )
        source, target = (parse_subwords(labels[side]) for side in SIDES)
        return source, target

    @property
    def label_data(self) -> dict[str, str]:
        """dict[str, str]: The vocabularies, for `spacy init labels`."""
        vocabularies = self.source_subwords or self.target_subwords, self.target_subwords
        return {
            side: subwords.to_bytes().hex()
            for side, subwords in zip(SIDES, vocabularies, strict=True)
        }

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
        losses[self.name] += self._learn(
            docs, self.target_subwords.encode(texts, self.subword_sampling)
        )
        if sgd is not None:
            self.finish_update(sgd)
        return losses

    def _learn(self, docs: list[Doc], pieces: list[list[int]]) -> float:
        """Add the gradients of translations, and return their negative log-likelihood."""
        if self._reads_subwords:
            self.model.get_ref("source").attrs["subword_sampling"] = self.subword_sampling
        nlls, backprop = self.model.begin_update((docs, pieces))
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


class _Call(NamedTuple):
    """The settings of a call: its search, and those of the component that a call may change."""

    search: Callable
    read_ahead: int
    threads: int
    detail: Detail


def _check_call(read_ahead: int, threads: int | None, detail: str) -> None:
    check_count("read_ahead", read_ahead, 0)
    if threads is not None:
        check_count("threads", threads, 1)
    check_choice("detail", detail, DETAILS)
