"""The translation of a document as a document, with what the alignment carries over to it."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import spacy
from spacy.tokens import Doc, Span, Token

from ...extensions import ensure_extension

SOURCE, TARGET, UNPROJECTED = "source", "target", "unprojected"
"""The custom attributes that `project` sets."""
LINKED = 0.5
"""Of its strongest link, what each other link of a token has to have at least."""


def project(
    doc: Doc, make_doc: Callable[[str], Doc], attr: str = "translation", rank: int = 0
) -> Doc:
    """Make a document of a translation, with the annotations of its source.

    Entities, the groups of `doc.spans` and the ends of sentences come along the alignment,
    `doc.cats` as they are. A span becomes the stretch of tokens that most attention weight speaks
    for: of the weights of its tokens, those into the source span less those out of it add up to
    the highest sum. Where none speaks for it, it is left out, and `_.unprojected` lists it.

    Sets custom attributes of tokens, the indices of the tokens that they are aligned with in the
    other document: `_.source` in the translation, and `_.target` in the source.

    doc (Doc): A document that was translated, with `detail` "alignments".
    make_doc (Callable[[str], Doc]): Makes the tokens of a text: `nlp.make_doc` of a pipeline of
        the target language.
    attr (str): The custom attribute that holds the translation.
    rank (int): Which one of the n best translations, from 0.
    RETURNS (Doc): The translation.
    RAISES (ValueError): If the document has no such translation, or no alignment.
    """
    translation = _find_translation(doc, attr, rank)
    target = make_doc(translation["text"])
    links = link_tokens(doc, target, translation["alignment"])
    for name, owner in ((SOURCE, Token), (TARGET, Token), (UNPROJECTED, Doc)):
        ensure_extension(name, owner)
    _set_links(target, SOURCE, links)
    _set_links(doc, TARGET, links.T)
    if doc.has_annotation("SENT_START"):
        _project_sentences(doc, target, links)
    unprojected: list[dict[str, Any]] = []
    if doc.has_annotation("ENT_IOB"):
        entities = _project_spans(doc.ents, target, links, unprojected, overlap=False)
        target.set_ents(entities)
    for name, group in doc.spans.items():
        target.spans[name] = _project_spans(list(group), target, links, unprojected, overlap=True)
    target.cats = dict(doc.cats)
    target._.set(UNPROJECTED, unprojected)
    return target


def project_first(attr: str, doc: Doc) -> Doc | None:
    """Make a document of the best translation, as the getter of a custom attribute.

    attr (str): The custom attribute that holds the translation.
    doc (Doc): The document.
    RETURNS (Doc | None): What `project` returns, with the tokens of the language that
        `_.translation_lang` names; None if the document was not translated.
    """
    if doc._.get(attr) is None:
        return None
    return project(doc, blank_pipeline(doc._.get(f"{attr}_lang") or "xx").make_doc, attr)


@cache
def blank_pipeline(lang: str) -> spacy.Language:
    """Make the blank pipeline of a language, once in a process.

    lang (str): The code of the language.
    RETURNS (Language): The pipeline.
    """
    return spacy.blank(lang)


def check_language(name: str, lang: str | None) -> None:
    """Refuse a language that spaCy does not have.

    name (str): The name of the setting, for the error.
    lang (str | None): The code of the language, or None.
    RAISES (ValueError): If there is no such language.
    """
    if lang is None:
        return
    try:
        spacy.util.get_lang_class(lang)
    except ImportError:
        raise ValueError(
            f"{name} is {lang!r}, a language that spaCy does not have: choose one of its codes, "
            f'such as "de", or leave it out for the rules of all languages ("xx")'
        ) from None


def link_tokens(doc: Doc, target: Doc, alignment: Sequence[dict]) -> np.ndarray:
    """Join the alignment of pieces to one of tokens.

    doc (Doc): The source.
    target (Doc): The translation.
    alignment (Sequence[dict]): The "alignment" of the translation.
    RETURNS (np.ndarray): For each token of the translation the weight of each one of the source,
        `(target tokens, source tokens)`: the mean over its characters, with a sum of at most 1.
    """
    # A character of the translation, and where its piece is in the alignment.
    starts, ends = _ranges((aligned["start"], aligned["end"]) for aligned in alignment)
    lengths = np.maximum(ends - starts, 0)
    pieces = np.repeat(np.arange(len(alignment)), lengths)
    within = np.arange(len(pieces)) - np.repeat(lengths.cumsum() - lengths, lengths)
    characters = np.repeat(starts, lengths) + within
    token_starts, token_ends = _ranges((token.idx, token.idx + len(token)) for token in target)
    tokens = np.searchsorted(token_ends, characters, side="right")
    is_in_token = tokens < len(target)
    tokens, pieces, characters = (each[is_in_token] for each in (tokens, pieces, characters))
    is_in_token = characters >= token_starts[tokens]  # Not in the space before it.
    shares = np.zeros((len(target), len(alignment)), np.float32)
    np.add.at(shares, (tokens[is_in_token], pieces[is_in_token]), 1)
    shares /= np.maximum(token_ends - token_starts, 1)[:, None]
    weights = np.zeros((len(alignment), len(doc)), np.float32)
    for row, aligned in zip(weights, alignment, strict=True):
        for position in aligned["source"]:
            row[position["token"]] += position["weight"]
    return shares @ weights


def find_stretch(gains: np.ndarray) -> tuple[int, int, float]:
    """Find the stretch with the highest sum, the shortest of several.

    gains (np.ndarray): A number for each token, `(tokens,)`.
    RETURNS (tuple[int, int, float]): The first token, the one after the last, and the sum. An
        empty stretch if no sum is above 0.
    """
    sums = np.append(0.0, gains.cumsum())
    lowest = np.minimum.accumulate(sums)
    end = int((sums - lowest).argmax())
    start = end - int(sums[: end + 1][::-1].argmin())
    return start, end, float(sums[end] - sums[start])


def _find_translation(doc: Doc, attr: str, rank: int) -> dict[str, Any]:
    translations = doc._.get(f"{attr}s") or []
    if not 0 <= rank < len(translations):
        raise ValueError(
            f"The document has {len(translations)} translations in doc._.{attr}s, but that of "
            f"rank {rank} is asked for: translate it first, by a search with a higher n_best"
        )
    translation = translations[rank]
    if "alignment" not in translation:
        raise ValueError(
            f"doc._.{attr}s has no alignment, by which annotations are projected: set detail of "
            f'the translator to "alignments"'
        )
    return translation


def _ranges(ranges: Any) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = np.array([*ranges], np.int64).reshape(-1, 2).T
    return starts, ends


def _set_links(doc: Doc, name: str, links: np.ndarray) -> None:
    """Set for each token the tokens that it is aligned with, in order."""
    strongest = links.max(axis=1, initial=0.0, keepdims=True)
    for token, linked in zip(doc, (links > 0) & (links >= LINKED * strongest), strict=True):
        token._.set(name, linked.nonzero()[0].tolist())


def _project_sentences(doc: Doc, target: Doc, links: np.ndarray) -> None:
    """Cut the translation where least weight goes from one side to another side of the source."""
    is_start = np.zeros(len(target), bool)
    is_start[:1] = True
    totals = links.sum(axis=1)
    first = 0
    for sentence in list(doc.sents)[1:]:
        # What is before a cut should come from before the sentence.
        gains = 2 * links[:, : sentence.start].sum(axis=1) - totals
        sums = np.append(0.0, gains.cumsum())[first:]
        cut = first + len(sums) - 1 - int(sums[::-1].argmax())
        if cut < len(target):
            is_start[cut] = True
        first = cut
    for token, starts in zip(target, is_start.tolist(), strict=True):
        token.is_sent_start = starts


def _project_spans(
    spans: Sequence[Span],
    target: Doc,
    links: np.ndarray,
    unprojected: list[dict[str, Any]],
    *,
    overlap: bool,
) -> list[Span]:
    """Project spans, the surest first, and list those that have no place."""
    totals = links.sum(axis=1)
    gains = [2 * links[:, span.start : span.end].sum(axis=1) - totals for span in spans]
    order = sorted(range(len(spans)), key=lambda index: -find_stretch(gains[index])[2])
    is_free = np.ones(len(target), bool)
    found: dict[int, Span] = {}
    for index in order:
        span = spans[index]
        # Of what is taken, one token costs more than all others can bring.
        allowed = gains[index] if overlap else np.where(is_free, gains[index], -len(target) - 1.0)
        start, end, _ = find_stretch(allowed)
        if start == end:
            place = {"start": span.start_char, "end": span.end_char, "label": span.label_}
            unprojected.append(place)
            continue
        is_free[start:end] = False
        found[index] = Span(
            target, start, end, label=span.label_, kb_id=span.kb_id_, span_id=span.id_
        )
    return [found[index] for index in sorted(found)]
