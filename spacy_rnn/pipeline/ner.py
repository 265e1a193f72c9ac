"""An entity recognizer: a CRF over the places of tokens in entities."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from spacy.attrs import ENT_IOB
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import check_lexeme_norms, minibatch
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..layers.crf import best_labels, k_best_labels, span_probabilities
from ..layers.vocabulary import count_words
from ..nn.biluo import OUT, find_spans
from ..types import AllowedLabels, Labeller, LabelScores
from .batches import annotate_safely, batch_worded
from .entities import IOB_BEGIN, IOB_INSIDE, allow_gold, allow_preset, gold_tags
from .extensions import ensure_extension

DEFAULT_CONFIG = """
[rnn_ner]
confidence = true
n_best = 1
missed_cost = 0.0
batch_words = 10000

[rnn_ner.model]
@architectures = "spacy-rnn.EntityRecognizer.v1"
nO = null

[rnn_ner.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[rnn_ner.model.tok2vec.embed]
@architectures = "spacy-rnn.HashEmbed.v1"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[rnn_ner.model.tok2vec.encode]
@architectures = "spacy-rnn.RecurrentEncoder.v1"
width = 96
depth = 1

[rnn_ner.scorer]
@scorers = "spacy.ner_scorer.v1"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_ner"]

CONFIDENCE = "confidence"
ENTITY_SETS = "entity_sets"


class Entity(NamedTuple):
    """An entity that was found.

    start (int): Its first token.
    end (int): The token after its last one.
    label (str): Its label.
    confidence (float | None): How probable it is, where that was asked for.
    """

    start: int
    end: int
    label: str
    confidence: float | None = None


class EntitySet(NamedTuple):
    """All entities of a document, in one of the ways there are to see it.

    entities (list[Entity]): The entities.
    probability (float | None): How probable it is that these and no others are there, where
        more than one way was asked for.
    """

    entities: list[Entity]
    probability: float | None = None


class Settings(NamedTuple):
    """What may change from call to call.

    confidence (bool): Whether to compute how probable each entity is.
    n_best (int): How many sets of entities to find.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    confidence: bool
    n_best: int


@Language.factory(
    "rnn_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config=DEFAULTS,
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_entity_recognizer(
    nlp: Language,
    name: str,
    model: Model,
    scorer: Callable | None,
    confidence: bool,
    n_best: int,
    missed_cost: float,
    batch_words: int,
) -> "RecurrentEntityRecognizer":
    """Make an entity recognizer.

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model): `spacy-rnn.EntityRecognizer.v1`.
    scorer (Callable | None): Scores entities.
    confidence (bool): Whether to write to `span._.confidence` of each entity how probable it
        is that it is there, just so and with just this label.
    n_best (int): How many sets of entities to find; more than one are written to
        `doc._.entity_sets`.
    missed_cost (float): How much more a missed token of an entity counts in training than any
        other mistake: more of it finds more entities, wrong ones among them.
    batch_words (int): Words that are read at once.
    RETURNS (RecurrentEntityRecognizer): The component.
    """
    return RecurrentEntityRecognizer(
        nlp.vocab,
        model,
        name,
        scorer=scorer,
        confidence=confidence,
        n_best=n_best,
        missed_cost=missed_cost,
        batch_words=batch_words,
    )


class RecurrentEntityRecognizer(TrainablePipe):
    """Find the most probable set of entities in each document.

    The settings are those of `make_entity_recognizer`.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Labeller,
        name: str = "rnn_ner",
        *,
        scorer: Callable | None = None,
        confidence: bool = True,
        n_best: int = 1,
        missed_cost: float = 0.0,
        batch_words: int = 10000,
    ):
        if not 0.0 <= missed_cost < np.inf:
            raise ValueError(f"missed_cost is {missed_cost}, but has to be at least 0")
        if batch_words < 1:
            raise ValueError(f"batch_words is {batch_words}, but has to be at least 1")
        super().__init__(vocab, model, name, labels=[])
        self.scorer = scorer
        self.missed_cost = missed_cost
        self.batch_words = batch_words
        self.settings = Settings(confidence, _check_n_best(n_best))
        self._ensure_extensions()

    def _ensure_extensions(self) -> None:
        ensure_extension(CONFIDENCE, Span)
        ensure_extension(ENTITY_SETS, Doc)

    @property
    def labels(self) -> tuple[str, ...]:
        """tuple[str, ...]: The labels of entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """list[str]: The labels, for `spacy init labels`."""
        return list(self.cfg["labels"])

    @property
    def _types(self) -> dict[int, int]:
        return {self.vocab.strings.add(label): i for i, label in enumerate(self.labels)}

    @property
    def _tags(self) -> int:
        return 4 * len(self.labels) + 1

    def add_label(self, label: str) -> int:
        """Add a label, before the model is initialized.

        label (str): The label.
        RETURNS (int): 1, or 0 if it is there already.
        RAISES (ValueError): If the model was initialized without it.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label in self.labels:
            return 0
        if self.model.has_dim("nO") and self.model.get_dim("nO") <= self._tags:
            raise ValueError(Errors.E922.format(name=self.name, nO=self.model.get_dim("nO")))
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        return 1

    # Prediction

    def __call__(self, doc: Doc, *, batch_size: int = 1, **settings: Any) -> Doc:
        """Find the entities of one document.

        doc (Doc): The document.
        batch_size (int): Not needed: spaCy hands it over with the settings of a call.
        settings (Any): `confidence` and `n_best`, to change them for this call.
        RETURNS (Doc): The same document.
        """
        for found in self.pipe([doc], **settings):
            return found
        return doc

    def pipe(
        self,
        stream: Iterable[Doc],
        *,
        batch_size: int = 128,
        confidence: bool | None = None,
        n_best: int | None = None,
    ) -> Iterator[Doc]:
        """Find the entities of a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): Documents to read ahead, and to sort by length.
        confidence (bool | None): Whether to write confidences in this call, by
            `component_cfg={"rnn_ner": {"confidence": False}}`. None for what is set.
        n_best (int | None): How many sets of entities to find. None for what is set.
        YIELDS (Doc): The same documents in order.
        RAISES (ValueError): If a setting is out of its bounds.
        """
        self._ensure_extensions()
        settings = self.settings
        if confidence is not None:
            settings = settings._replace(confidence=confidence)
        if n_best is not None:
            settings = settings._replace(n_best=_check_n_best(n_best))

        def recognize_batch(docs: list[Doc]) -> None:
            self.set_annotations(docs, self._predict(docs, settings))

        for docs in minibatch(stream, size=batch_size):
            yield from annotate_safely(self, docs, recognize_batch)

    def predict(self, docs: Iterable[Doc]) -> list[list[EntitySet]]:
        """Find entities without writing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[list[EntitySet]]): The n best sets of entities of each.
        """
        return self._predict(list(docs), self.settings)

    def _predict(self, docs: list[Doc], settings: Settings) -> list[list[EntitySet]]:
        found = [[EntitySet([], 1.0)] for _ in docs]
        for batch in batch_worded(docs, self.batch_words):
            sets = self._find_sets([docs[index] for index in batch], settings)
            for index, each in zip(batch, sets, strict=True):
                found[index] = each
        return found

    def _find_sets(self, docs: list[Doc], settings: Settings) -> list[list[EntitySet]]:
        crf = self.model.get_ref("crf")
        scores = self.model.predict(docs)
        allowed = allow_preset(docs, self._types, self._tags)
        if settings.n_best == 1:
            tags = best_labels(crf, scores, allowed)
            return [[EntitySet(each)] for each in self._read(scores, tags, allowed, settings)]
        ways = k_best_labels(crf, scores, settings.n_best, allowed)
        tags = np.concatenate([way[0].labels for way in ways])
        return [
            [
                EntitySet(entities, way[0].probability),
                *(
                    EntitySet(self._name(find_spans(other.labels)), other.probability)
                    for other in way[1:]
                ),
            ]
            for way, entities in zip(
                ways, self._read(scores, tags, allowed, settings), strict=True
            )
        ]

    def _read(
        self,
        scores: LabelScores,
        tags: np.ndarray,
        allowed: AllowedLabels | None,
        settings: Settings,
    ) -> list[list[Entity]]:
        """Read the entities of each document from the tags of all."""
        lengths = np.array([len(each) for each in scores])
        ends = np.cumsum(lengths)
        spans = find_spans(tags)
        owners = np.searchsorted(ends, spans[0], side="right")
        entities = self._name(spans)
        if settings.confidence and entities:
            # Documents without entities need no second pass.
            some = np.unique(owners)
            kept = np.isin(np.repeat(np.arange(len(lengths)), lengths), some)
            confidences = span_probabilities(
                self.model.get_ref("crf"),
                [scores[index] for index in some],
                tags[kept],
                find_spans(tags[kept])[:2],
                None if allowed is None else allowed[kept],
            )
            entities = [
                entity._replace(confidence=confidence)
                for entity, confidence in zip(entities, confidences.tolist(), strict=True)
            ]
        found: list[list[Entity]] = [[] for _ in scores]
        shifts = (ends - lengths)[owners].tolist()
        for entity, owner, shift in zip(entities, owners.tolist(), shifts, strict=True):
            start, end = entity.start - shift, entity.end - shift
            found[owner].append(entity._replace(start=start, end=end))
        return found

    def _name(self, spans: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Entity]:
        return [
            Entity(start, end, self.labels[span_type])
            for start, end, span_type in zip(*(each.tolist() for each in spans), strict=True)
        ]

    def set_annotations(self, docs: Iterable[Doc], scores: list[list[EntitySet]]) -> None:
        """Write entities to documents. Those that are there already stay as they are.

        docs (Iterable[Doc]): The documents.
        scores (list[list[EntitySet]]): What `predict` returned for them.
        """
        for doc, sets in zip(docs, scores, strict=True):
            spans = [Span(doc, *each[:3]) for each in sets[0].entities]
            _write_entities(doc, spans)
            for span, entity in zip(spans, sets[0].entities, strict=True):
                if entity.confidence is not None:
                    span._.set(CONFIDENCE, entity.confidence)
            if sets[0].probability is not None:
                described = [
                    {
                        "probability": each.probability,
                        "entities": tuple(tuple(entity[:3]) for entity in each.entities),
                    }
                    for each in sets
                ]
                doc._.set(ENTITY_SETS, described)

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Find the labels, and build the model for them.

        get_examples (Callable[[], Iterable[Example]]): Gives the training data.
        nlp (Language | None): The pipeline.
        labels (list[str] | None): The labels, where they are known, by `spacy init labels`.
        """
        validate_get_examples(get_examples, "RecurrentEntityRecognizer.initialize")
        check_lexeme_norms(self.vocab, "ner")
        if labels is None:
            labels = sorted(
                {entity.label_ for example in get_examples() for entity in example.reference.ents}
            )
        for label in labels:
            self.add_label(label)
        self._require_labels()
        count_words(self.model, (example.predicted for example in get_examples()))
        sample = [example.predicted for example in islice(get_examples(), 10)]
        if not sample:
            raise ValueError(Errors.E923.format(name=self.name))
        alloc = self.model.ops.alloc2f
        self.model.initialize(X=sample, Y=[alloc(len(doc), self._tags) for doc in sample])

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss, and its gradient. That of the CRF's own weights is kept for the
        next step.

        examples (Iterable[Example]): The examples. What is not known is marginalised over.
        scores (LabelScores): What the model gives for them.
        RETURNS (tuple[float, list[Floats2d]]): The negative log-likelihood of the entities,
            and the gradient of the scores.
        RAISES (ValueError): If a label was not known when the component was initialized.
        """
        examples = list(examples)
        validate_examples(examples, "RecurrentEntityRecognizer.get_loss")
        tags = gold_tags(examples, self._types)
        inputs = (self._add_cost(scores, tags), allow_gold(tags, self._tags))
        losses, backprop = self.model.get_ref("crf").begin_update(inputs)
        return float(losses.sum()), backprop(self.model.ops.xp.ones_like(losses))

    def _add_cost(self, scores: LabelScores, tags: np.ndarray) -> LabelScores:
        """Make it harder to tell what is in an entity from what is not: the softmax-margin of
        Gimpel & Smith (2010)."""
        if not self.missed_cost:
            return scores
        ops = self.model.ops
        flat = ops.flatten(scores)
        flat[:, OUT] += self.missed_cost * ops.asarray1f(tags > OUT)
        return ops.unflatten(flat, ops.asarray1i([len(each) for each in scores]))


def _write_entities(doc: Doc, entities: list[Span]) -> None:
    """Add entities to those of a document; what is not known before is outside."""
    if not doc.has_annotation("ENT_IOB"):
        doc.set_ents(entities)
        return
    iob = doc.to_array(ENT_IOB)
    new = [span for span in entities if iob[span.start] not in (IOB_INSIDE, IOB_BEGIN)]
    for span in new:
        iob[span.start : span.end] = IOB_INSIDE
    outside = [doc[index : index + 1] for index in np.flatnonzero(iob == 0).tolist()]
    doc.set_ents(new, outside=outside, default="unmodified")


def _check_n_best(n_best: int) -> int:
    if n_best < 1:
        raise ValueError(f"n_best is {n_best}, but has to be at least 1")
    return n_best
