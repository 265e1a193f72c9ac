"""Augmentation that loses no gold data."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from spacy.language import Language
from spacy.training import Example

Augmenter = Callable[[Language, Example], Iterable[Example]]
"""Makes examples of one."""


def create_keep_user_data_v1(augmenter: Augmenter) -> Augmenter:
    """Wrap an augmenter so that examples keep the custom attributes of documents.

    spaCy's own augmenters make references anew, without translations and all else that is in
    custom attributes.

    augmenter (Augmenter): The augmenter, such as `spacy.lower_case.v1`.
    RETURNS (Augmenter): The same, with the attributes of each original on what it becomes.
    """
    return partial(_augment, augmenter)


def _augment(augmenter: Augmenter, nlp: Language, example: Example) -> Iterator[Example]:
    user_data = {
        key: value
        for key, value in example.reference.user_data.items()
        # Those of spans and tokens have characters in their keys, which may be others now.
        if not isinstance(key, tuple) or key[2:] == (None, None)
    }
    for augmented in augmenter(nlp, example):
        reference = augmented.reference
        reference.user_data = user_data | reference.user_data
        yield augmented
