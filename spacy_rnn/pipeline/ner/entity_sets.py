"""Sets of entities: found by a CRF, written to documents."""

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


@dataclass(frozen=True)
class NERSettings:
    """What may change from call to call.

    confidence (bool): Whether to compute how probable each entity is.
    n_best (int): How many sets of entities to find.
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
    """Find the most probable sets of entities.

    model (Labeller): Scores tags, and has a CRF.
    docs (list[Doc]): Documents with words.
    labels (Sequence[str]): The labels of entities.
    allowed (AllowedLabels | None): Which tags are allowed at each token. None for all.
    settings (NERSettings): How many sets, and whether with confidences.
    RETURNS (list[list[EntitySet]]): Those of each document, the most probable first.
    """
    crf = model.get_ref("crf")
    scores = model.predict(docs)

    def read(tags: np.ndarray) -> list[list[Entity]]:
        return _read(crf, scores, tags, labels, allowed, settings.confidence)

    if settings.n_best == 1:
        tags = best_labels(crf, scores, allowed)
        return [[EntitySet(each)] for each in read(tags)]
    ways = k_best_labels(crf, scores, settings.n_best, allowed)
    tags = np.concatenate([way[0].labels for way in ways])
    return [
        [
            EntitySet(entities, way[0].probability),
            *(
                EntitySet(_name(find_spans(other.labels), labels), other.probability)
                for other in way[1:]
            ),
        ]
        for way, entities in zip(ways, read(tags), strict=True)
    ]


def _read(
    crf: CRFModel,
    scores: LabelScores,
    tags: np.ndarray,
    labels: Sequence[str],
    allowed: AllowedLabels | None,
    confidence: bool,
) -> list[list[Entity]]:
    """Read the entities of each document from the tags of all."""
    lengths = np.array([len(each) for each in scores])
    ends = np.cumsum(lengths)
    spans = find_spans(tags)
    owners = np.searchsorted(ends, spans[0], side="right")
    entities = _name(spans, labels)
    if confidence and entities:
        # Documents without entities need no second pass.
        some = np.unique(owners)
        kept = np.isin(np.repeat(np.arange(len(lengths)), lengths), some)
        confidences = span_probabilities(
            crf,
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


def _name(spans: tuple[np.ndarray, np.ndarray, np.ndarray], labels: Sequence[str]) -> list[Entity]:
    return [
        Entity(start, end, labels[span_type])
        for start, end, span_type in zip(*(each.tolist() for each in spans), strict=True)
    ]


def write_sets(doc: Doc, sets: list[EntitySet]) -> None:
    """Write the first set to a document, and where there are several, what they are.

    doc (Doc): The document. Entities that are there already stay as they are.
    sets (list[EntitySet]): The sets, the most probable first.
    """
    found = {Span(doc, *each[:3]): each.confidence for each in sets[0].entities}
    for span in _write_entities(doc, list(found)):
        if found[span] is not None:
            span._.set(CONFIDENCE, found[span])
    if sets[0].probability is not None:
        described = [
            {
                "probability": each.probability,
                "entities": tuple(tuple(entity[:3]) for entity in each.entities),
            }
            for each in sets
        ]
        doc._.set(ENTS_NBEST, described)


def _write_entities(doc: Doc, entities: list[Span]) -> list[Span]:
    """Add entities to those of a document, and give those that are new; what is not known
    before is outside."""
    if not doc.has_annotation("ENT_IOB"):
        doc.set_ents(entities)
        return entities
    iob = doc.to_array(ENT_IOB)
    new = [span for span in entities if iob[span.start] not in (IOB_INSIDE, IOB_BEGIN)]
    for span in new:
        iob[span.start : span.end] = IOB_INSIDE
    outside = [doc[index : index + 1] for index in np.flatnonzero(iob == 0).tolist()]
    # Those that were there too: of their tokens some may say another type.
    doc.set_ents([*doc.ents, *new], outside=outside, default="unmodified")
    return new
