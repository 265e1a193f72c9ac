"""Training data as components are given them, refused by spaCy's own errors."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import FunctionType
from weakref import WeakKeyDictionary

from spacy.training import Example, validate_examples, validate_get_examples

from ..progress import track

GetExamples = Callable[[], Iterable[Example]]
"""Returns the training data, anew at each call."""

# What nlp.initialize makes up where it is called without training data.
DUMMY_WORDS = ["x", "y", "z"]

_numbers: WeakKeyDictionary[FunctionType, int] = WeakKeyDictionary()
"""How many examples there are, by the function that returns them, once they have been read."""


def list_examples(examples: Iterable[Example], method: str) -> list[Example]:
    """Return a batch as a list.

    examples (Iterable[Example]): The batch.
    method (str): The method that was called with it.
    RETURNS (list[Example]): The same examples.
    RAISES (TypeError): If they are anything else than examples (E978).
    """
    batch = list(examples) if isinstance(examples, Iterable) else examples
    validate_examples(batch, method)
    return batch


def check_get_examples(get_examples: GetExamples, method: str) -> None:
    """Refuse what returns no examples, judged by the first ones.

    spaCy's own check reads all of them, which takes its time with a large corpus.

    get_examples (GetExamples): Returns the training data.
    method (str): The method that was called with it.
    RAISES (TypeError): If it is no function of examples (E930, E978).
    """
    examples = get_examples() if callable(get_examples) else None
    if examples and isinstance(examples, Iterable):
        examples = list(islice(examples, 10))
        validate_examples(examples, method)
    else:
        validate_get_examples(get_examples, method)


def are_dummies(examples: list[Example]) -> bool:
    """Whether spaCy made the examples up, since `nlp.initialize` was called without any.

    examples (list[Example]): The first examples, more than one if there are.
    RETURNS (bool): Whether they are one document of three made-up words.
    """
    return [[token.text for token in each.reference] for each in examples] == [DUMMY_WORDS]


def track_examples(get_examples: GetExamples, doing: str) -> Iterator[Example]:
    """Read the training data and show how far: from the second reading on with the time left.

    get_examples (GetExamples): Returns the training data.
    doing (str): What they are read for.
    YIELDS (Example): The training data.
    """
    total = _numbers.get(get_examples) if isinstance(get_examples, FunctionType) else None
    number = 0
    for example in track(get_examples(), doing, total):
        yield example
        number += 1
    if isinstance(get_examples, FunctionType):
        _numbers[get_examples] = number
