"""The translation of a document as a document, with what the alignment carries over to it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import spacy
from spacy.tokens import Doc, Span, SpanGroup, Token

from ...extensions import ensure_deferred_extension, ensure_extension
from .links import Links, link_tokens

SOURCE, TARGETS, UNPROJECTED = "source", "targets", "unprojected"
"""The custom attributes that `project` sets."""


def project(
    doc: Doc, make_doc: Callable[[str], Doc], attr: str = "translation", rank: int = 0
) -> Doc:
    """Make a document of a translation, with the annotations of its source.

    Entities, the groups of `doc.spans` and the ends of sentences come along the alignment,
    `doc.cats` as they are; custom attributes stay behind. A span becomes the stretch of tokens
    that most attention weight speaks for: of the weights of its tokens, those into the source span
    less those out of it add up to the highest sum. Where none speaks for it, it is left out. Where
    that is an entity, tokens without an entity are not said to be outside of one.

    Sets custom attributes of the translation: `token._.source`, the indices of the source tokens
    that a token is aligned with, which may be none; the opposite, `doc._.targets`, for each source
    token the indices of tokens of the translation; and `doc._.unprojected`, what has no place: its
    "start", "end" (characters of the source), "label" and "group" of `doc.spans`, None for an
    entity.

    doc (Doc): A document that was translated, with `detail` "alignments".
    make_doc (Callable[[str], Doc]): Makes the tokens of a text: `nlp.make_doc` of a pipeline of
        the target language.
    attr (str): The custom attribute that holds the translation.
    rank (int): Which one of the n best translations, from 0.
    RETURNS (Doc): The translation.
    RAISES (ValueError): If the document has no such translation, or no alignment, or `make_doc`
        changes the text.
    """
    ensure_extension(attr)
    ensure_deferred_extension(f"{attr}s")
    translation = find_translation(doc, attr, rank)
    target = make_doc(translation["text"])
    if target.text != translation["text"]:
        raise ValueError(
            f"make_doc changes the text {translation['text']!r} to {target.text!r}, so that it is "
            f"not aligned any more: give the make_doc of a pipeline"
        )
    links = link_tokens(doc, target, translation)
    _set_links(doc, target, links)
    if doc.has_annotation("SENT_START"):
        _project_sentences(doc, target, links)
    unprojected: list[dict[str, Any]] = []
    if doc.has_annotation("ENT_IOB"):
        _project_entities(doc, target, links, unprojected)
    for name, group in doc.spans.items():
        _project_group(name, group, target, links, unprojected)
    target.cats = dict(doc.cats)
    ensure_extension(UNPROJECTED)
    target._.set(UNPROJECTED, sorted(unprojected, key=lambda span: (span["start"], span["end"])))
    return target


def project_first(attr: str, doc: Doc) -> Doc | None:
    """Make a document of the best translation, as the getter of a custom attribute.

    attr (str): The custom attribute that holds the translation.
    doc (Doc): The document.
    RETURNS (Doc | None): What `project` returns, with the tokens of the language that
        the attribute "_lang" names; None if the document was not translated by a component.
    RAISES (ValueError): If there is no alignment, or the text was changed afterwards.
    """
    translations = doc._.get(f"{attr}s")
    if doc._.get(attr) is None or not translations:
        return None
    if translations[0]["text"] != doc._.get(attr):
        raise ValueError(
            f"doc._.{attr} was changed after the document was translated, so that nothing is "
            f"aligned with it: translate the document again"
        )
    return project(doc, blank_pipeline(doc._.get(f"{attr}_lang") or "xx").make_doc, attr)


@cache
def blank_pipeline(lang: str) -> spacy.Language:
    """Make the blank pipeline of a language, once in a process.

    lang (str): The code of the language.
    RETURNS (Language): The pipeline.
    RAISES (ImportError): If spaCy's tokenizer of the language needs a package that is missing.
    """
    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise ImportError(
            f"There is no tokenizer of {lang!r}: {error}\nOr give project another make_doc, "
            f"such as that of spacy.blank('xx')"
        ) from error


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


def find_translation(doc: Doc, attr: str, rank: int) -> dict[str, Any]:
    """Find a translation of a document that is aligned with it.

    doc (Doc): The document.
    attr (str): The custom attribute that holds translations.
    rank (int): Which one of the n best, from 0.
    RETURNS (dict[str, Any]): The translation.
    RAISES (ValueError): If the document has no such translation, or no alignment.
    """
    translations = doc._.get(f"{attr}s")
    if not translations:
        raise ValueError(
            f"doc._.{attr}s holds no translations: have a translator with the attr {attr!r} "
            f"translate the document first"
        )
    if not 0 <= rank < len(translations):
        raise ValueError(
            f"The rank is {rank}, but has to be from 0 to {len(translations) - 1}, the last in "
            f"doc._.{attr}s: a search with a higher n_best has more"
        )
    alignment = translations[rank].get("alignment")
    if alignment is None:
        raise ValueError(
            f"doc._.{attr}s has no alignment, by which annotations are projected: set detail of "
            f'the translator to "alignments"'
        )
    if alignment and not any(aligned["source"] for aligned in alignment):
        raise ValueError(
            f"The translations of doc._.{attr}s are not aligned with their source, since the "
            f"translator has no attention: train one that has, such as "
            f"spacy-rnn.additive_attention.v1"
        )
    return translations[rank]


def find_stretch(gains: np.ndarray) -> tuple[int, int, float]:
    """Find the stretch with the highest sum, the shortest of several.

    gains (np.ndarray): A number for each token, `(tokens,)`.
    RETURNS (tuple[int, int, float]): The first token, the one after the last, and the sum. An
        empty stretch if no sum is above 0.
    """
    sums = np.append(0.0, gains.cumsum(dtype=float))
    lowest = np.minimum.accumulate(sums)
    end = int((sums - lowest).argmax())
    start = end - int(sums[: end + 1][::-1].argmin())
    return start, end, float(sums[end] - sums[start])


def _set_links(doc: Doc, target: Doc, links: Links) -> None:
    ensure_extension(SOURCE, Token)
    ensure_extension(TARGETS)
    of_token: list[list[int]] = [[] for _ in target]
    of_source: list[list[int]] = [[] for _ in doc]
    kept = links.keep_strong()
    for token, source in zip(kept.targets.tolist(), kept.sources.tolist(), strict=True):
        of_token[token].append(source)
        of_source[source].append(token)
    for token, sources in zip(target, of_token, strict=True):
        token._.set(SOURCE, sources)
    target._.set(TARGETS, of_source)


def _project_sentences(doc: Doc, target: Doc, links: Links) -> None:
    """Cut the translation where least weight goes across a boundary of sentences in the source."""
    is_start = np.zeros(len(target) + 1, bool)
    is_start[0] = True
    positions = np.arange(len(doc))
    for sentence in list(doc.sents)[1:]:
        # What is before a cut should come from before the sentence.
        sums = np.append(0.0, links.gains(positions < sentence.start).cumsum())
        is_start[len(target) - int(sums[::-1].argmax())] = True
    for token, starts in zip(target, is_start.tolist(), strict=False):
        token.is_sent_start = starts


def _project_entities(
    doc: Doc, target: Doc, links: Links, unprojected: list[dict[str, Any]]
) -> None:
    entities = doc.ents
    gains = [_span_gains(span, links) for span in entities]
    # Of two that would overlap, more weight wins.
    order = sorted(range(len(gains)), key=lambda index: -find_stretch(gains[index])[2])
    is_free = np.ones(len(target), bool)
    found = []
    for index in order:
        # A taken token costs more than all others can gain.
        place = find_stretch(np.where(is_free, gains[index], -len(target) - 1.0))
        span = _place_span(entities[index], target, place, None, unprojected)
        if span is not None:
            is_free[span.start : span.end] = False
            found.append(span)
    # Where it was not said what a token is, it is not said of its translation.
    unsaid = np.array([token.ent_iob == 0 for token in doc], bool)
    is_missing = is_free & (links.gains(unsaid) > 0)
    missing = [target[index : index + 1] for index in is_missing.nonzero()[0].tolist()]
    default = "outside" if len(found) == len(entities) else "missing"
    target.set_ents(found, missing=missing, default=default)


def _project_group(
    name: str, group: SpanGroup, target: Doc, links: Links, unprojected: list[dict[str, Any]]
) -> None:
    placed = [
        _place_span(span, target, find_stretch(_span_gains(span, links)), name, unprojected)
        for span in group
    ]
    kept = [index for index, span in enumerate(placed) if span is not None]
    # Of scores, there is one for each span.
    attrs = {
        key: _take(value, kept) if len(kept) < len(placed) == _length(value) else value
        for key, value in group.attrs.items()
    }
    spans = [span for span in placed if span is not None]
    target.spans[name] = SpanGroup(target, name=group.name, attrs=attrs, spans=spans)


def _take(values: Any, indices: list[int]) -> Any:
    return values[indices] if isinstance(values, np.ndarray) else [values[i] for i in indices]


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, list | np.ndarray) else None


def _span_gains(span: Span, links: Links) -> np.ndarray:
    inside = np.zeros(len(span.doc), bool)
    inside[span.start : span.end] = True
    return links.gains(inside)


def _place_span(
    span: Span,
    target: Doc,
    place: tuple[int, int, float],
    group: str | None,
    unprojected: list[dict[str, Any]],
) -> Span | None:
    """Make a span of a stretch, or list it among those without a place."""
    start, end, _ = place
    if start < end:
        return Span(target, start, end, label=span.label_, kb_id=span.kb_id_, span_id=span.id_)
    unprojected.append(
        {"start": span.start_char, "end": span.end_char, "label": span.label_, "group": group}
    )
    return None
