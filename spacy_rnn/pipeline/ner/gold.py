"""Entity annotation as tags of the BILUO scheme: gold and preset entities."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, ORTH, SENT_START
from spacy.tokens import Doc
from spacy.training import Example, split_bilu_label

from ...nn.crf.biluo import BEGIN, IN, LAST, OUT, UNIT, read_tags

# Values of spaCy's ENT_IOB; 0 is missing annotation. A token that begins an entity of no type is
# outside all entities.
IOB_INSIDE, IOB_OUTSIDE, IOB_BEGIN = 1, 2, 3

ANY_TAG = -1
UNKNOWN_TYPE = -2

Types = Mapping[int, int]
"""The index of each type of entity by the hash of its label."""


class Unlearnable(NamedTuple):
    """Annotated entities that are never predicted as they are.

    trimmed (int): Entities with white space at an end, which are learnt without it.
    blank (int): Entities of nothing but white space, which are left out.
    divided (int): Entities across the start of a sentence, which are left out.
    misaligned (int): Entities that do not begin and end with tokens, which are left out.
    """

    trimmed: int = 0
    blank: int = 0
    divided: int = 0
    misaligned: int = 0

    def __str__(self) -> str:
        parts = {
            "with white space at an end, learnt without it": self.trimmed,
            "of nothing but white space, left out": self.blank,
            "across the start of a sentence, left out": self.divided,
            "that do not begin and end with tokens, left out": self.misaligned,
        }
        return "; ".join(f"{count} {what}" for what, count in parts.items() if count)


def count_unlearnable(examples: Iterable[Example]) -> Unlearnable:
    """Count the annotated entities that are never predicted as they are.

    examples (Iterable[Example]): Examples.
    RETURNS (Unlearnable): Their numbers.
    """
    counts = np.zeros(len(Unlearnable._fields), dtype=np.int64)
    for example in examples:
        counts += _count_unlearnable(example)
    return Unlearnable(*counts.tolist())


def _count_unlearnable(example: Example) -> Unlearnable:
    reference, predicted = example.reference, example.predicted
    if not reference.ents:
        return Unlearnable()
    aligned = reference.ents
    if not np.array_equal(reference.to_array(ORTH), predicted.to_array(ORTH)):
        aligned = example.get_aligned_spans_y2x(reference.ents, allow_overlap=False)
    blank = trimmed = divided = 0
    for entity in aligned:
        words = [token.i for token in entity if not token.is_space]
        if not words:
            blank += 1
            continue
        trimmed += len(entity) > words[-1] + 1 - words[0]
        inner = predicted[words[0] + 1 : words[-1] + 1]
        divided += any(token.is_sent_start for token in inner)
    return Unlearnable(trimmed, blank, divided, len(reference.ents) - len(aligned))


def gold_tags(
    examples: Iterable[Example],
    types: Types,
    on_unlearnable: Callable[[Example], object] = lambda example: None,
) -> np.ndarray:
    """Return the gold tags of examples, those of entities that can be predicted.

    White space at the ends of an entity is outside of it. An entity across the start of a
    sentence of the predicted document counts as missing annotation.

    examples (Iterable[Example]): Examples.
    types (Types): The types of entities that have tags.
    on_unlearnable (Callable[[Example], object]): Called with each example that has entities which
        are never predicted as they are.
    RETURNS (np.ndarray): The tag of each predicted token of all examples, `(tokens,)`;
        `ANY_TAG` where the annotation is missing or does not align.
    RAISES (ValueError): If there are entities of other types. The message lists these.
    """
    tags = []
    unknown = set()
    for example in examples:
        reference = example.reference
        annotated = reference.to_array([ORTH, ENT_IOB, ENT_TYPE, IS_SPACE])
        tokens = example.predicted.to_array([ORTH, IS_SPACE, SENT_START])
        learnable = np.array_equal(annotated[:, 0], tokens[:, 0])
        if learnable:
            _, iob, labels, space = annotated.T
            tags.append(_read_entities(iob, labels, types))
            known = (iob == IOB_OUTSIDE) | ((space == 1) & iob.any())
            tags[-1][known & (tags[-1] == ANY_TAG)] = OUT
        else:  # Alignment by spaCy takes ten times as long.
            tags.append(_align_entities(example, types))
            learnable = _count_entities(tags[-1]) == len(reference.ents)
        if (tags[-1] == UNKNOWN_TYPE).any():
            unknown |= {entity.label_ for entity in reference.ents if entity.label not in types}
        if tokens[:, 1].any() or tokens[1:, 2].any():  # Few documents have either.
            changed = _leave_learnable(tags[-1], tokens[:, 1] == 1, tokens[:, 2] == 1)
            learnable = learnable and not changed
        if not learnable:
            on_unlearnable(example)
    if unknown:
        raise ValueError(
            f"These labels of entities were not known at initialization: "
            f"{', '.join(sorted(unknown))}. Add them by add_label, or initialize with examples "
            f"that have them all or with a list of labels"
        )
    return np.concatenate(tags)


def _count_entities(tags: np.ndarray) -> int:
    return int(np.isin(read_tags(tags)[0][tags > OUT], (BEGIN, UNIT)).sum())


def _leave_learnable(tags: np.ndarray, space: np.ndarray, starts: np.ndarray) -> bool:
    """Replace the tags of entities that `allow_preset` never allows, in place.

    tags (np.ndarray): The gold tags of a document.
    space (np.ndarray): Whether each token is white space.
    starts (np.ndarray): Whether each token begins a sentence.
    RETURNS (bool): Whether there were such entities.
    """
    kinds, types = read_tags(tags)
    edged = space & np.isin(kinds, (BEGIN, LAST, UNIT)) & (tags > OUT)
    if edged.any():
        _trim(tags, kinds, types, space)
        kinds, _ = read_tags(tags)
    crossed = starts & np.isin(kinds, (IN, LAST)) & (tags > OUT)
    if crossed.any():
        entity = np.cumsum(np.isin(kinds, (BEGIN, UNIT)))
        tags[(tags > OUT) & np.isin(entity, entity[crossed])] = ANY_TAG
    return bool(edged.any() or crossed.any())


def _trim(tags: np.ndarray, kinds: np.ndarray, types: np.ndarray, space: np.ndarray) -> None:
    """Take white space off the ends of entities, in place."""
    inside = tags > OUT
    entity = np.cumsum(inside & np.isin(kinds, (BEGIN, UNIT)))
    words = inside & ~space
    count = np.cumsum(words)
    _, first, of_token = np.unique(entity, return_index=True, return_inverse=True)
    before = (count - words)[first][of_token]  # Words before the entity of a token,
    up_to_end = np.append(count[first[1:] - 1], count[-1:])[of_token]  # and up to its end.
    begins, ends = words & (count == before + 1), words & (count == up_to_end)
    outside = space & ((count == before) | (count == up_to_end))
    kinds = np.where(ends, np.where(begins, UNIT, LAST), np.where(begins, BEGIN, IN))
    tags[inside] = np.where(outside, OUT, 4 * types + kinds)[inside]


def _align_entities(example: Example, types: Types) -> np.ndarray:
    """Align annotated entities with the predicted tokens."""
    strings = example.reference.vocab.strings
    offsets = dict(zip("BILU", (BEGIN, IN, LAST, UNIT), strict=True))
    tags = []
    for biluo in example.get_aligned_ner():
        if biluo is None or biluo == "-":
            tags.append(ANY_TAG)
        elif biluo == "O":
            tags.append(OUT)
        else:
            prefix, label = split_bilu_label(biluo)
            span_type = types.get(strings[label])
            tags.append(UNKNOWN_TYPE if span_type is None else 4 * span_type + offsets[prefix])
    return np.array(tags, dtype=np.int64)


def allow_gold(tags: np.ndarray, size: int) -> np.ndarray:
    """Return the tags that gold annotation allows: any tag where it is missing.

    tags (np.ndarray): The gold tags, as `gold_tags` returned them.
    size (int): The number of tags.
    RETURNS (np.ndarray): Whether each tag is allowed at each token, `(tokens, size)`.
    """
    return (tags[:, None] == np.arange(size)) | (tags == ANY_TAG)[:, None]


def allow_preset(
    docs: list[Doc], types: Types, size: int, unseen: Sequence[int] = ()
) -> np.ndarray | None:
    """Return the tags that preset entities, white space and sentence boundaries allow.

    Preset entities and blocked tokens are not changed. As in spaCy, tokens that are set to be
    outside may become part of an entity. No entity begins or ends with white space or crosses the
    start of a sentence.

    docs (list[Doc]): Documents.
    types (Types): The types of entities that have tags.
    size (int): The number of tags.
    unseen (Sequence[int]): Tags that are allowed in preset entities alone.
    RETURNS (np.ndarray | None): Whether each tag is allowed at each token of all documents,
        `(tokens, size)`. None if all are.
    """
    annotated = np.concatenate(
        [doc.to_array([ENT_IOB, ENT_TYPE, IS_SPACE, SENT_START]) for doc in docs]
    )
    iob, space, starts = annotated[:, 0], annotated[:, 2] == 1, annotated[:, 3] == 1
    preset = (iob == IOB_INSIDE) | (iob == IOB_BEGIN)
    if not (preset.any() or space.any() or starts.any() or unseen):
        return None
    kinds, _ = read_tags(np.arange(size))
    allowed = np.ones((len(annotated), size), dtype=bool)
    allowed[:, list(unseen)] = False
    allowed[np.ix_(space, np.isin(kinds, (BEGIN, LAST, UNIT)))] = False
    allowed[np.ix_(starts, np.isin(kinds, (IN, LAST)))] = False
    tags = _read_entities(iob, annotated[:, 1], types)
    # To the model, entities of types that it does not know are outside.
    tags[preset & (tags < 0)] = OUT
    allowed[preset] = tags[preset, None] == np.arange(size)
    return allowed


def _read_entities(iob: np.ndarray, labels: np.ndarray, types: Types) -> np.ndarray:
    """Return the tags of tokens in entities, and `ANY_TAG` for others."""
    begins = (iob == IOB_BEGIN) & (labels != 0)
    inside = begins | (iob == IOB_INSIDE)
    # As in spaCy, the type of an entity is that of its first token.
    first = begins | (inside & ~np.append(False, inside[:-1]))
    labels = labels[np.maximum.accumulate(np.where(first, np.arange(len(labels)), 0))]
    ends = inside & ~np.append((iob == IOB_INSIDE)[1:], False)
    kinds = np.where(ends, np.where(begins, UNIT, LAST), np.where(begins, BEGIN, IN))
    unique_labels, inverse = np.unique(labels, return_inverse=True)
    token_types = np.array([types.get(label, -1) for label in unique_labels.tolist()])[inverse]
    tags = np.where(token_types < 0, UNKNOWN_TYPE, 4 * token_types + kinds)
    return np.where(inside, tags, ANY_TAG)
