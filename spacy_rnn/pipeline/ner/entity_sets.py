"""Sets of entities: predicted by a CRF, written to documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from spacy.attrs import ENT_IOB
from spacy.tokens import Doc, Span

from ...architectures.crf import best_labels, k_best_labels, span_probabilities
from ...checks import check_count
from ...nn.crf.biluo import find_spans
from ...types import AllowedLabels, CRFModel, Labeller, LabelScores
from .gold import IOB_BEGIN, IOB_INSIDE

CONFIDENCE = "confidence"
ENTS_NBEST = "ents_nbest"


class Entity(NamedTuple):
    """A predicted entity.

    start (int): Its first token.
    end (int): The token after its last one.
    label (str): Its label.
    confidence (float | None): Its marginal probability. None if it was not requested.
    """

    start: int
    end: int
    label: str
    confidence: float | None = None


class EntitySet(NamedTuple):
    """All entities of a document: one of its n best analyses.

    entities (list[Entity]): The entities.
    probability (float | None): The joint probability of these and no other entities. None if one
        set was requested.
    """

    entities: list[Entity]
    probability: float | None = None


@dataclass(frozen=True)
class NERSettings:
    """Settings that a call may change.

    confidence (bool): Whether to compute the marginal probability of each entity.
    n_best (int): The number of sets of entities to predict.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    confidence: bool
    n_best: int

    def __post_init__(self) -> None:
        check_count("n_best", self.n_best, 1)


def find_sets(
    model: Labeller,
    docs: list[Doc],
    labels: Sequence[str],
    allowed: AllowedLabels | None,
    settings: NERSettings,
) -> list[list[EntitySet]]:
    """Predict the most probable sets of entities.

    model (Labeller): A model that scores tags and has a CRF.
    docs (list[Doc]): Documents that are not empty.
    labels (Sequence[str]): The labels of entities.
    allowed (AllowedLabels | None): The tags that are allowed at each token. None for all.
    settings (NERSettings): The number of sets, and whether with confidences.
    RETURNS (list[list[EntitySet]]): The sets of each document, the most probable first.
    """
    crf = model.get_ref("crf")
    scores = model.predict(docs)

    def decode(tags: np.ndarray) -> list[list[Entity]]:
        return _decode(crf, scores, tags, labels, allowed, settings.confidence)

    if settings.n_best == 1:
        tags = best_labels(crf, scores, allowed)
        return [[EntitySet(entities)] for entities in decode(tags)]
    k_best = k_best_labels(crf, scores, settings.n_best, allowed)
    tags = np.concatenate([sequences[0].labels for sequences in k_best])
    return [
        [
            EntitySet(entities, sequences[0].probability),
            *(
                EntitySet(_to_entities(find_spans(other.labels), labels), other.probability)
                for other in sequences[1:]
            ),
        ]
        for sequences, entities in zip(k_best, decode(tags), strict=True)
    ]


def _decode(
    crf: CRFModel,
    scores: LabelScores,
    tags: np.ndarray,
    labels: Sequence[str],
    allowed: AllowedLabels | None,
    confidence: bool,
) -> list[list[Entity]]:
    """Decode the tags of all documents into the entities of each."""
    lengths = np.array([len(doc_scores) for doc_scores in scores])
    doc_ends = np.cumsum(lengths)
    spans = find_spans(tags)
    doc_of_entity = np.searchsorted(doc_ends, spans[0], side="right")
    entities = _to_entities(spans, labels)
    if confidence and entities:
        # Documents without entities need no second pass.
        with_entities = np.unique(doc_of_entity)
        selected = np.isin(np.repeat(np.arange(len(lengths)), lengths), with_entities)
        confidences = span_probabilities(
            crf,
            [scores[index] for index in with_entities],
            tags[selected],
            find_spans(tags[selected])[:2],
            None if allowed is None else allowed[selected],
        )
        entities = [
            entity._replace(confidence=confidence)
            for entity, confidence in zip(entities, confidences.tolist(), strict=True)
        ]
    entities_of_docs: list[list[Entity]] = [[] for _ in scores]
    shifts = (doc_ends - lengths)[doc_of_entity].tolist()
    for entity, index, shift in zip(entities, doc_of_entity.tolist(), shifts, strict=True):
        start, end = entity.start - shift, entity.end - shift
        entities_of_docs[index].append(entity._replace(start=start, end=end))
    return entities_of_docs


def _to_entities(
    spans: tuple[np.ndarray, np.ndarray, np.ndarray], labels: Sequence[str]
) -> list[Entity]:
    return [
        Entity(start, end, labels[span_type])
        for start, end, span_type in zip(*(column.tolist() for column in spans), strict=True)
    ]


def write_sets(doc: Doc, sets: list[EntitySet]) -> None:
    """Write the first set to `doc.ents`, and all sets, if there are several, to its attribute.

    doc (Doc): The document. Its preset entities are not changed.
    sets (list[EntitySet]): The sets, the most probable first.
    """
    confidences = {Span(doc, *entity[:3]): entity.confidence for entity in sets[0].entities}
    for span in _write_entities(doc, list(confidences)):
        if confidences[span] is not None:
            span._.set(CONFIDENCE, confidences[span])
    if sets[0].probability is not None:
        described = [
            {
                "probability": probability,
                "entities": tuple(tuple(entity[:3]) for entity in entities),
            }
            for entities, probability in sets
        ]
        doc._.set(ENTS_NBEST, described)


def _write_entities(doc: Doc, entities: list[Span]) -> list[Span]:
    """Add entities to those of a document, and return the ones that were added.

    Tokens of missing annotation are set to outside.
    """
    if not doc.has_annotation("ENT_IOB"):
        doc.set_ents(entities)
        return entities
    iob = doc.to_array(ENT_IOB)
    new = [span for span in entities if iob[span.start] not in (IOB_INSIDE, IOB_BEGIN)]
    for span in new:
        iob[span.start : span.end] = IOB_INSIDE
    outside = [doc[index : index + 1] for index in np.flatnonzero(iob == 0).tolist()]
    # Preset entities too: some of their tokens may have another type.
    doc.set_ents([*doc.ents, *new], outside=outside, default="unmodified")
    return new
