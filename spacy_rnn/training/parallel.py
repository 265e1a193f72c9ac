"""Parallel corpora as training examples."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..checks import check_count
from ..extensions import ensure_extension
from .readers.base import UnreviewedRecord
from .readers.files import ON_INVALID_UTF8, SURROGATE
from .readers.pairs import Pair, ReadPairs, open_pairs

logger = logging.getLogger("spacy")

ItemT = TypeVar("ItemT")


class FaultPolicy(NamedTuple):
    """A fault of pairs, and what can be done with a pair that has it."""

    choices: Sequence[str]
    fault: str
    """A description, formatted with `max_length`."""
    applies: Callable[[Pair, str | None, int], bool]
    """Whether a side of a pair has the fault, given `max_length`."""


POLICIES = {
    "on_misaligned": FaultPolicy(
        ("error", "skip"),
        "a missing line or column, or one too many",
        lambda pair, side, _: side is None,
    ),
    "on_invalid_utf8": FaultPolicy(
        ON_INVALID_UTF8,
        "bytes that are not UTF-8",
        lambda pair, side, _: bool(SURROGATE.search(side or "")),
    ),
    "on_empty": FaultPolicy(
        ("error", "skip", "keep"),
        "an empty side",
        lambda pair, side, _: not (side or "").strip(),
    ),
    "on_unreviewed": FaultPolicy(
        ("error", "skip", "keep"),
        "a translation marked as unreviewed or obsolete",
        lambda pair, side, _: isinstance(pair.record, UnreviewedRecord),
    ),
    "on_too_long": FaultPolicy(
        ("error", "skip"),
        "a side of more than {max_length} characters",
        lambda pair, side, max_length: 0 < max_length < len(side or ""),
    ),
}
"""Policies by the setting that chooses what to do, in the order in which they are applied to a
pair until it is skipped."""

MISSING_REFERENCE = "missing_reference"
"""An empty reference beside others, which is counted like a fault but is none."""

OUTCOMES = {"skip": "skipped", "keep": "accepted", "replace": "put U+FFFD into"}


def create_parallel_corpus_v1(
    source: str | Path | None,
    target: str | Path | list[str] | None = None,
    *,
    source_field: str | int | None = None,
    target_field: str | int | list[str] | list[int] | None = None,
    split: str | None = None,
    subset: str | None = None,
    format: str | None = None,
    encoding: str = "utf8",
    shuffle_buffer: int = 0,
    seed: int = 0,
    limit: int = 0,
    max_length: int = 0,
    on_misaligned: str = "error",
    on_invalid_utf8: str = "error",
    on_empty: str = "error",
    on_unreviewed: str = "error",
    on_too_long: str = "error",
    attr: str = "translation",
) -> "ParallelCorpus":
    """Read examples of translation from files or from the hub, without holding them all.

    source (str | Path | None): A file of lines or records in a format that `spacy rnn convert`
        reads, perhaps compressed as .gz, or the name of a data set
        on the Hugging Face hub if `split` is set.
    target (str | Path | list[str] | None): The file whose lines translate those of a plain
        text, or several files for several references. None if `source` holds both sides.
    source_field (str | int | None): The column of the source: a name, dotted where it is
        nested, or a number from 0 in tables. By default "text", and 0 in TSV.
    target_field (str | int | list[str] | list[int] | None): The column of the translation, or
        several for several references. By default "translation", and 1 in TSV.
    split (str | None): The split of a data set, such as "train".
    subset (str | None): The configuration of a data set that has several.
    format (str | None): The format of the source, such as "tsv"; None for that of its suffix.
    encoding (str): The encoding of text files.
    shuffle_buffer (int): Pairs in the buffer that they are shuffled in, in another order at each
        pass; 0 keeps the order of the file.
    seed (int): The seed of the orders.
    limit (int): The maximum number of pairs, 0 for all.
    max_length (int): The maximum length of a side in characters, 0 for no limit.
    on_misaligned (str): What to do if a file ends before the others, a record lacks a column, or
        a line of TSV has more or fewer than the first: "error" or "skip".
    on_invalid_utf8 (str): What to do with other bytes: "error", "replace" or "skip".
    on_empty (str): What to do with a pair that has an empty side: "error", "skip" or "keep". Of
        several references the empty ones are left out, unless all are.
    on_unreviewed (str): What to do with a translation that is marked as unreviewed or obsolete, as
        files of translators do: "error", "skip" or "keep".
    on_too_long (str): What to do with a pair beyond `max_length`: "error" or "skip".
    attr (str): The custom attribute of the reference for the translation: a text, or a list of
        texts if there are several.
    RETURNS (ParallelCorpus): A function from a pipeline to its examples.
    RAISES (ValueError): If the settings are wrong or a file is missing.
    """
    targets = _to_list(target)
    policies = {
        "on_misaligned": on_misaligned,
        "on_invalid_utf8": on_invalid_utf8,
        "on_empty": on_empty,
        "on_unreviewed": on_unreviewed,
        "on_too_long": on_too_long,
    }
    return ParallelCorpus(
        open_pairs(
            source,
            targets,
            source_field,
            _to_list(target_field),
            split,
            subset,
            format=format,
            encoding=encoding,
        ),
        names=[str(name) for name in (source, *targets)],
        policies=policies,
        shuffle_buffer=shuffle_buffer,
        seed=seed,
        limit=limit,
        max_length=max_length,
        attr=attr,
    )


class ParallelCorpus:
    """Iterate over the examples of a parallel corpus.

    read (ReadPairs): Starts to read from the first pair.
    names (Sequence[str]): The file of each side, or the one of all sides.
    policies (dict[str, str]): What to do with each fault, by names in `POLICIES`.
    shuffle_buffer (int): Pairs in the shuffle buffer, 0 to keep their order.
    seed (int): The seed of the orders.
    limit (int): The maximum number of pairs, 0 for all.
    max_length (int): The maximum length of a side in characters, 0 for no limit.
    attr (str): The custom attribute for the translation.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(
        self,
        read: ReadPairs,
        names: Sequence[str],
        policies: dict[str, str],
        *,
        shuffle_buffer: int = 0,
        seed: int = 0,
        limit: int = 0,
        max_length: int = 0,
        attr: str = "translation",
    ) -> None:
        for name, choice in policies.items():
            if choice not in POLICIES[name].choices:
                raise ValueError(
                    f"{name} is {choice!r}: set it to {_list_choices(POLICIES[name].choices)}"
                )
        numbers = {"shuffle_buffer": shuffle_buffer, "limit": limit, "max_length": max_length}
        for name, number in numbers.items():
            check_count(name, number, 0)
        ensure_extension(attr)
        self.read = read
        self.names = names
        self.policies = policies
        self.shuffle_buffer = shuffle_buffer
        self.seed = seed
        self.limit = limit
        self.max_length = max_length
        self.attr = attr
        self._passes = count()

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Make the examples.

        nlp (Language): The pipeline whose tokenizer splits the source.
        YIELDS (Example): The examples.
        RAISES (ValueError): If a pair has a fault whose policy is "error".
        """
        for pair in self.pairs():
            text = str(pair.sides[0])
            reference = nlp.make_doc(text)
            self.set_translation(reference, pair)
            yield Example(nlp.make_doc(text), reference)

    def set_translation(self, doc: Doc, pair: Pair) -> None:
        """Set the translation of a document.

        doc (Doc): The document of the source.
        pair (Pair): The pair.
        """
        translations = list(pair.sides[1:])
        doc._.set(self.attr, translations if len(translations) > 1 else translations[0])

    def pairs(self, warn: Callable[[str], object] = logger.warning) -> Iterator[Pair]:
        """Read the pairs, apply the policies and shuffle what remains.

        warn (Callable[[str], object]): Called with a message for each kind of fault at the end.
        YIELDS (Pair): The pairs.
        RAISES (ValueError): If a pair has a fault whose policy is "error".
        """
        random = Random(f"{self.seed} {next(self._passes)}")
        faults: dict[str, list[int]] = {}
        checked = islice(self._check(faults), self.limit or None)
        try:
            yield from shuffle(checked, self.shuffle_buffer, random)
        finally:
            for name, (number, first) in faults.items():
                if name == MISSING_REFERENCE:
                    warn(
                        f"{self.names[0]}: left out empty references of pairs that have another "
                        f"one: {number}, the first in line {first}"
                    )
                    continue
                choice, fault = self.policies[name], self._describe(name)
                warn(
                    f"{self.names[0]}: {OUTCOMES[choice]} pairs with {fault}: {number}, "
                    f'the first in line {first} ({name} = "{choice}")'
                )

    def _check(self, faults: dict[str, list[int]]) -> Iterator[Pair]:
        """Yield the pairs that the policies allow; count faults and the first line of each."""
        for pair in self.read():
            for name, policy in POLICIES.items():
                faulty = [
                    index
                    for index, side in enumerate(pair.sides)
                    if policy.applies(pair, side, self.max_length)
                ]
                if (
                    name == "on_empty"
                    and 0 not in faulty
                    and 0 < len(faulty) < len(pair.sides) - 1
                ):
                    # One of several references stands for a missing one.
                    faults.setdefault(MISSING_REFERENCE, [0, pair.number])[0] += 1
                    sides = [side for side in pair.sides if side and side.strip()]
                    pair = pair._replace(sides=sides)
                    continue
                if not faulty:
                    continue
                choice = self.policies[name]
                if choice == "error":
                    raise self._make_error(name, pair, faulty[0])
                faults.setdefault(name, [0, pair.number])[0] += 1
                if choice == "skip":
                    break
                if choice == "replace":
                    sides = [SURROGATE.sub("\ufffd", side or "") for side in pair.sides]
                    pair = pair._replace(sides=sides)
            else:
                yield pair

    def _make_error(self, name: str, pair: Pair, side: int) -> ValueError:
        """Make an error that names a fault, its position and the ways out."""
        file = self.names[min(side, len(self.names) - 1)]
        sides = [text and text[:60] for text in pair.sides]
        fault = pair.fault or f"{self._describe(name)}: {sides}. Correct the corpus"
        others = _list_choices(POLICIES[name].choices[1:])
        return ValueError(f"{file}, line {pair.number}: {fault}, or set {name} to {others}")

    def _describe(self, name: str) -> str:
        """Return a description of the fault of a policy."""
        return POLICIES[name].fault.format(max_length=self.max_length)


def shuffle(items: Iterable[ItemT], buffer: int, random: Random) -> Iterator[ItemT]:
    """Shuffle a stream within a buffer: each item that comes out is drawn from it at random.

    items (Iterable[ItemT]): The stream.
    buffer (int): The number of items in the buffer.
    random (Random): The source of randomness.
    YIELDS (ItemT): Each item once.
    """
    buffered: list[ItemT] = []
    for item in items:
        buffered.append(item)
        if len(buffered) > buffer:
            drawn = random.randrange(len(buffered))
            buffered[drawn], buffered[-1] = buffered[-1], buffered[drawn]
            yield buffered.pop()
    random.shuffle(buffered)
    yield from buffered


def _to_list(value: object) -> list:
    """Return a setting that is one value, several or none as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _list_choices(choices: Sequence[str]) -> str:
    """Return the values of a setting as part of a message."""
    return " or ".join(f'"{choice}"' for choice in choices)
