"""Tags within a text come back in its translation, around the words that they were around."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from spacy.attrs import IDX, IS_PUNCT, IS_SPACE, LENGTH
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
    as that of words does. An element around all words stays around all of them, one around a part
    of a word gets the whole of it.

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
    links = link_tokens(doc, target, translation)
    sources, targets = _Words.of(doc), _Words.of(target)
    links = _link_words(_link_punctuation(links, sources, targets), sources, targets)
    root = nest(tags, sources.ranges)
    places = place(root, links)
    are_after = _find_sides(tags, text)
    ranges = targets.ranges
    position, found = 0, []
    for edge, number in zip(root.sequence(), places, strict=True):
        before = ranges[number - 1][1] if number else 0
        after = ranges[number][0] if number < len(ranges) else len(translation["text"])
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


class _Words(NamedTuple):
    """The words of a document, which are its tokens but for those of white space.

    ranges (list[CharRange]): The characters of each word.
    numbers (np.ndarray): The number of each token's word, -1 where it is none, `(tokens,)`.
    marks (dict[str, list[int]]): The tokens of each mark of punctuation.
    """

    ranges: list[CharRange]
    numbers: np.ndarray
    marks: dict[str, list[int]]

    @classmethod
    def of(cls, doc: Doc) -> "_Words":
        starts, lengths, spaces, marks = doc.to_array([IDX, LENGTH, IS_SPACE, IS_PUNCT]).T
        is_word = spaces == 0
        ends = (starts + lengths)[is_word].tolist()
        ranges = list(zip(starts[is_word].tolist(), ends, strict=True))
        found = defaultdict(list)
        for index in marks.nonzero()[0].tolist():
            found[doc[index].text].append(index)
        return cls(ranges, np.where(is_word, is_word.cumsum() - 1, -1), found)


def _link_punctuation(links: Links, sources: _Words, targets: _Words) -> Links:
    """Link punctuation with itself, since attention is often on the word before.

    The first of a mark is linked with the first, and so on, if both texts have equally many. If
    the source has no punctuation, that of the translation is not linked.
    """
    pairs = [
        pair
        for mark, found in targets.marks.items()
        if len(found) == len(sources.marks.get(mark, ()))
        for pair in zip(found, sources.marks[mark], strict=True)
    ]
    unlinked = [target for target, _ in pairs] if sources.marks else chain(*targets.marks.values())
    is_linked = np.ones(links.number, bool)
    is_linked[[*unlinked]] = False
    kept = is_linked[links.targets]
    columns = np.array(pairs, np.int64).reshape(-1, 2).T
    targets_of = np.concatenate((links.targets[kept], columns[0]))
    order = targets_of.argsort(kind="stable")
    return Links(
        targets_of[order],
        np.concatenate((links.sources[kept], columns[1]))[order],
        np.concatenate((links.weights[kept], np.ones(len(pairs))))[order],
        links.number,
    )


def _link_words(links: Links, sources: _Words, targets: _Words) -> Links:
    """Count words alone, not tokens of white space."""
    of_target, of_source = targets.numbers[links.targets], sources.numbers[links.sources]
    kept = (of_target >= 0) & (of_source >= 0)
    return Links(of_target[kept], of_source[kept], links.weights[kept], len(targets.ranges))


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
