"""What is known of the entities of documents, as tags."""

from collections.abc import Iterable, Mapping

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, ORTH, SENT_START
from spacy.tokens import Doc
from spacy.training import Example, split_bilu_label

from ...nn.crf.biluo import BEGIN, IN, LAST, OUT, UNIT, read_tags

# How spaCy numbers a token's place in an entity; 0 is not known. What begins an entity of no
# type is in none.
IOB_INSIDE, IOB_OUTSIDE, IOB_BEGIN = 1, 2, 3

ANY_TAG = -1
UNKNOWN_TYPE = -2

Types = Mapping[int, int]
"""The number of each type of entity, by the hash of its label."""


def gold_tags(examples: Iterable[Example], types: Types) -> np.ndarray:
    """Read what is annotated.

    examples (Iterable[Example]): Examples.
    types (Types): The types that there are tags for.
    RETURNS (np.ndarray): The tag of each predicted token of all examples, `(tokens,)`;
        `ANY_TAG` where it is not known or does not align.
    RAISES (ValueError): If there are other types; it lists them.
    """
    tags = []
    unknown = set()
    for example in examples:
        reference = example.reference
        annotated = reference.to_array([ORTH, ENT_IOB, ENT_TYPE, IS_SPACE])
        if np.array_equal(annotated[:, 0], example.predicted.to_array(ORTH)):
            _, iob, labels, space = annotated.T
            tags.append(_read_entities(iob, labels, types))
            known = (iob == IOB_OUTSIDE) | ((space == 1) & iob.any())
            tags[-1][known & (tags[-1] == ANY_TAG)] = OUT
        else:  # What spaCy does costs ten times as much.
            tags.append(_align_entities(example, types))
        if (tags[-1] == UNKNOWN_TYPE).any():
            unknown |= {entity.label_ for entity in reference.ents if entity.label not in types}
    if unknown:
        raise ValueError(
            f"These labels of entities were not known at initialization: "
            f"{', '.join(sorted(unknown))}. Initialize with examples that have them all, or "
            f"with a list of labels"
        )
    return np.concatenate(tags)


def _align_entities(example: Example, types: Types) -> np.ndarray:
    """Bring annotated entities to other tokens."""
    strings = example.reference.vocab.strings
    kinds = dict(zip("BILU", (BEGIN, IN, LAST, UNIT), strict=True))
    tags = []
    for name in example.get_aligned_ner():
        if name is None or name == "-":
            tags.append(ANY_TAG)
        elif name == "O":
            tags.append(OUT)
        else:
            kind, label = split_bilu_label(name)
            span_type = types.get(strings[label])
            tags.append(UNKNOWN_TYPE if span_type is None else 4 * span_type + kinds[kind])
    return np.array(tags, dtype=np.int64)


def allow_gold(tags: np.ndarray, size: int) -> np.ndarray:
    """Allow what is annotated, and anything where nothing is.

    tags (np.ndarray): What `gold_tags` returned.
    size (int): How many tags there are.
    RETURNS (np.ndarray): Which tags are allowed at each token, `(tokens, size)`.
    """
    return (tags[:, None] == np.arange(size)) | (tags == ANY_TAG)[:, None]


def allow_preset(docs: list[Doc], types: Types, size: int) -> np.ndarray | None:
    """Allow what is set already, and what is possible around it.

    Tokens in entities that are set, or blocked, keep their place. As in spaCy, tokens that
    are set to be outside may come to be inside. No entity begins or ends with white space or
    goes on past the start of a sentence.

    docs (list[Doc]): Documents.
    types (Types): The types that there are tags for.
    size (int): How many tags there are.
    RETURNS (np.ndarray | None): Which tags are allowed at each token of all documents,
        `(tokens, size)`, or None where all are.
    """
    known = np.concatenate(
        [doc.to_array([ENT_IOB, ENT_TYPE, IS_SPACE, SENT_START]) for doc in docs]
    )
    iob, space, starts = known[:, 0], known[:, 2] == 1, known[:, 3] == 1
    preset = (iob == IOB_INSIDE) | (iob == IOB_BEGIN)
    if not (preset.any() or space.any() or starts.any()):
        return None
    kinds, _ = read_tags(np.arange(size))
    allowed = np.ones((len(known), size), dtype=bool)
    allowed[np.ix_(space, np.isin(kinds, (BEGIN, LAST, UNIT)))] = False
    allowed[np.ix_(starts, np.isin(kinds, (IN, LAST)))] = False
    tags = _read_entities(iob, known[:, 1], types)
    # For the model, what is in an entity of another type is in none.
    tags[preset & (tags < 0)] = OUT
    allowed[preset] = tags[preset, None] == np.arange(size)
    return allowed


def _read_entities(iob: np.ndarray, labels: np.ndarray, types: Types) -> np.ndarray:
    """Give tags to tokens in entities, and `ANY_TAG` to others."""
    begins = (iob == IOB_BEGIN) & (labels != 0)
    inside = begins | (iob == IOB_INSIDE)
    # As in spaCy, the type of an entity is that of its first token.
    first = begins | (inside & ~np.append(False, inside[:-1]))
    labels = labels[np.maximum.accumulate(np.where(first, np.arange(len(labels)), 0))]
    ends = inside & ~np.append((iob == IOB_INSIDE)[1:], False)
    kinds = np.where(ends, np.where(begins, UNIT, LAST), np.where(begins, BEGIN, IN))
    different, place = np.unique(labels, return_inverse=True)
    numbers = np.array([types.get(label, ANY_TAG) for label in different.tolist()])[place]
    tags = np.where(numbers < 0, UNKNOWN_TYPE, 4 * numbers + kinds)
    return np.where(inside, tags, ANY_TAG)
