"""Tags within a text come back in its translation, around the words that they were around."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from spacy.tokens import Doc

from .links import Links, link_tokens
from .nesting import CharRange, Tag, nest
from .placement import place
from .projection import blank_pipeline, find_translation


def project_tags(
    doc: Doc,
    tags: Sequence[Tag],
    make_doc: Callable[[str], Doc] | None = None,
    attr: str = "translation",
    rank: int = 0,
) -> list[Tag]:
    """Find the places of tags in the translation of a document.

    Each tag is there once, and start tags are before their end tags. Elements stay in the elements
    that they are in, and apart from those that they are apart from; the order of these may change,
    as that of words does. An element around all words stays around all of them. One around a part
    of a word gets the whole of it, unless that is the same word in the translation.

    doc (Doc): A document that was translated, with `detail` "alignments". It has the text without
        tags.
    tags (Sequence[Tag]): The tags, in order.
    make_doc (Callable[[str], Doc] | None): Makes the tokens of the translation: `nlp.make_doc` of
        a pipeline of the target language. None for that of the translator's `trg_lang`.
    attr (str): The custom attribute that holds the translation.
    rank (int): Which one of the n best translations, from 0.
    RETURNS (list[Tag]): The tags, in order, by their positions in the translation.
    RAISES (ValueError): If the document has no such translation, or no alignment; or tags are not
        in order, not in the text, or one element has more than two.
    """
    text = doc.text
    check_tags(tags, len(text))
    translation = find_translation(doc, attr, rank)
    if not tags:
        return []
    if not translation["alignment"]:
        # White space alone is copied.
        return [Tag(min(tag.position, len(translation["text"])), tag.element) for tag in tags]
    if make_doc is None:
        make_doc = blank_pipeline(doc._.get(f"{attr}_lang") or "xx").make_doc
    target = make_doc(translation["text"])
    links = _without_spaces(link_tokens(doc, target, translation), doc, target)
    sources, targets = _find_words(doc), _find_words(target)
    root = nest(tags, sources)
    places = place(root, links)
    are_after = _find_sides(tags, text)
    position, found = 0, []
    for edge, number in zip(root.sequence(), places, strict=True):
        before = targets[number - 1][1] if number else 0
        after = targets[number][0] if number < len(targets) else len(target.text)
        for index in edge.tags:
            position = max(position, after if are_after[index] else before)
            found.append(Tag(position, tags[index].element))
    return found


def weave(text: str, tags: Sequence[Tag]) -> Iterator[str | Tag]:
    """Go through a text with its tags.

    text (str): The text.
    tags (Sequence[Tag]): Its tags, in order.
    YIELDS (str | Tag): A tag, or a part of the text that is not empty.
    """
    last = 0
    for tag in tags:
        if tag.position > last:
            yield text[last : tag.position]
            last = tag.position
        yield tag
    if last < len(text):
        yield text[last:]


def check_tags(tags: Sequence[Tag], length: int) -> None:
    """Refuse tags that are no tags of a text.

    tags (Sequence[Tag]): The tags.
    length (int): The characters of the text.
    RAISES (ValueError): If they are not in order, not in the text, or one element has more than
        two.
    """
    last = 0
    for tag in tags:
        if not last <= tag.position <= length:
            raise ValueError(
                f"The position of {tag} has to be from {last}, that of the tag before it, to "
                f"{length}, the end of the text"
            )
        last = tag.position
    for element, number in Counter(tag.element for tag in tags).items():
        if number > 2:
            raise ValueError(
                f"The element {element!r} has {number} tags, but may have a start tag and an end "
                f"tag: give each element a name of its own"
            )


def _find_words(doc: Doc) -> list[CharRange]:
    return [(token.idx, token.idx + len(token)) for token in doc if not token.is_space]


def _without_spaces(links: Links, doc: Doc, target: Doc) -> Links:
    """Count words only, not tokens of white space."""
    sources, targets = (
        np.array([not token.is_space for token in each], bool) for each in (doc, target)
    )
    kept = targets[links.targets] & sources[links.sources]
    return Links(
        (targets.cumsum() - 1)[links.targets[kept]],
        (sources.cumsum() - 1)[links.sources[kept]],
        links.weights[kept],
        int(targets.sum()),
    )


def _find_sides(tags: Sequence[Tag], text: str) -> list[bool]:
    """Find out which tags stand after the white space between words, where there is some."""
    numbers = Counter(tag.element for tag in tags)
    started = set()
    are_after = []
    for position, element in tags:
        follows_space = text[position - 1 : position].isspace()
        precedes_space = text[position : position + 1].isspace()
        if numbers[element] == 1:
            are_after.append(follows_space and not precedes_space)
        elif element in started:
            are_after.append(follows_space)
        else:
            are_after.append(not precedes_space)
            started.add(element)
    return are_after
