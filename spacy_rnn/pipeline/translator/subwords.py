"""Vocabularies of a translator, learned from its training data."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from spacy.training import Example

from ...metrics.common import references_of
from ...text.subwords import Subwords
from ..examples import track_examples
from ..missing import DROPPED_USER_DATA

LearnSubwords = Callable[[Iterable[str]], Subwords]
"""Learns a vocabulary from texts."""


def learn_vocabularies(
    get_examples: Callable[[], Iterable[Example]],
    attr: str,
    learn: LearnSubwords,
    *,
    reads_subwords: bool = True,
    shared: bool = True,
) -> tuple[Subwords, Subwords]:
    """Learn the vocabularies of source and target.

    get_examples (Callable[[], Iterable[Example]]): Returns the training data.
    attr (str): The custom attribute of references that holds their translation.
    learn (LearnSubwords): Learns a vocabulary from texts.
    reads_subwords (bool): Whether the encoder reads subwords, and not tokens.
    shared (bool): Whether source and target share one vocabulary.
    RETURNS (tuple[Subwords, Subwords]): The source vocabulary, or the target vocabulary if the
        source needs none or shares it; and the target vocabulary.
    RAISES (ValueError): If there are no translations.
    """

    def read() -> Iterator[Example]:
        return track_examples(get_examples, "Reading texts for a vocabulary of subwords")

    def sources() -> Iterator[str]:
        return (example.reference.text for example in read())

    def targets() -> Iterator[str]:
        for example in read():
            yield from references_of(example, attr)

    if next(targets(), None) is None:
        raise ValueError(
            f"No example has a translation in reference._.{attr}, so that no vocabulary can be "
            f"learned: read parallel text with spacy-rnn.ParallelCorpus.v1, or set attr to the "
            f"attribute that holds the translations. {DROPPED_USER_DATA}"
        )
    if reads_subwords and not shared:
        return learn(sources()), learn(targets())
    subwords = learn(chain(sources(), targets()) if reads_subwords else targets())
    return subwords, subwords


def find_difference(subwords: Subwords, other: Subwords) -> str | None:
    """Find out in what the pieces of two vocabularies differ.

    subwords (Subwords): A vocabulary.
    other (Subwords): Another one.
    RETURNS (str | None): Their sizes or the first pieces that differ; None if all are the same.
    """
    if len(subwords) != len(other):
        return f"{len(subwords)} pieces where there are {len(other)}"
    names = (each.to_pieces([*range(len(each))]) for each in (subwords, other))
    for number, (one, two) in enumerate(zip(*names, strict=True)):
        if one != two:
            return f"piece {number} is {one!r} where it is {two!r}"
    return None
