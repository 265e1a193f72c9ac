"""The vocabularies of a translator, learned from its training data."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from spacy.training import Example

from ...metrics.common import references_of
from ...text.subwords import Subwords

Learn = Callable[[Iterable[str]], Subwords]
"""Learns a vocabulary from texts."""


def learn_vocabularies(
    get_examples: Callable[[], Iterable[Example]],
    attr: str,
    learn: Learn,
    *,
    cuts_source: bool = True,
    shared: bool = True,
) -> tuple[Subwords, Subwords]:
    """Learn how sources and translations are cut.

    get_examples (Callable[[], Iterable[Example]]): Gives the training data.
    attr (str): The custom attribute of references that holds their translation.
    learn (Learn): Learns a vocabulary from texts.
    cuts_source (bool): Whether sources are cut at all, or read as tokens.
    shared (bool): Whether the two have one vocabulary together.
    RETURNS (tuple[Subwords, Subwords]): The vocabulary of sources, which is that of
        translations where they have none of their own, and that of translations.
    RAISES (ValueError): If there are no translations.
    """

    def sources() -> Iterator[str]:
        return (example.reference.text for example in get_examples())

    def targets() -> Iterator[str]:
        for example in get_examples():
            yield from references_of(example, attr)

    if next(targets(), None) is None:
        raise ValueError(
            f"No example has a translation in reference._.{attr}, so that no vocabulary can be "
            f"learned: read parallel text with spacy-rnn.ParallelCorpus.v1, or set attr to where "
            f"the translations are"
        )
    if cuts_source and not shared:
        return learn(sources()), learn(targets())
    one = learn(chain(sources(), targets()) if cuts_source else targets())
    return one, one
