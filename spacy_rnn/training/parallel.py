"""Parallel corpora as training examples."""

import logging
import re
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
from .readers.sources import Pair, Read, open_source

logger = logging.getLogger("spacy")

ItemT = TypeVar("ItemT")

SURROGATE = re.compile("[\ud800-\udfff]")


class Rule(NamedTuple):
    """What is done with a pair that has some fault."""

    choices: Sequence[str]
    fault: str
    """Formatted with `max_length`."""
    found: Callable[[str | None, int], bool]
    """Whether a side has the fault, given `max_length`."""


RULES = {
    "on_misaligned": Rule(
        ("error", "skip"),
        "a missing line or column, or one too many",
        lambda side, _: side is None,
    ),
    "on_invalid_utf8": Rule(
        ("error", "replace", "skip"),
        "bytes that are not UTF-8",
        lambda side, _: bool(SURROGATE.search(side or "")),
    ),
    "on_empty": Rule(
        ("error", "skip", "keep"),
        "an empty side",
        lambda side, _: not (side or "").strip(),
    ),
    "on_too_long": Rule(
        ("error", "skip"),
        "a side of more than {max_length} characters",
        lambda side, max_length: 0 < max_length < len(side or ""),
    ),
}
"""By the setting that chooses, in the order in which a pair is held against them, until it is
skipped."""

DONE = {"skip": "skipped", "keep": "kept", "replace": "put U+FFFD into"}


def create_parallel_corpus_v1(
    source: str | Path | None,
    target: str | Path | list[str] | None = None,
    *,
    source_field: str | int | None = None,
    target_field: str | int | list[str] | list[int] | None = None,
    split: str | None = None,
    subset: str | None = None,
    shuffle_buffer: int = 0,
    seed: int = 0,
    limit: int = 0,
    max_length: int = 0,
    on_misaligned: str = "error",
    on_invalid_utf8: str = "error",
    on_empty: str = "error",
    on_too_long: str = "error",
    attr: str = "translation",
) -> "ParallelCorpus":
    """Read examples of translation from files or from the hub, without holding them all.

    source (str | Path | None): A file of text, .tsv, .jsonl or .parquet, each perhaps .gz, or
        the name of a data set on the Hugging Face hub where `split` is set.
    target (str | Path | list[str] | None): The file whose lines translate those of a plain
        text, or several files for several references. Null when `source` holds both sides.
    source_field (str | int | None): The column of the source: a name, dotted where it is
        nested, or in TSV a number from 0. By default "text", and 0 in TSV.
    target_field (str | int | list[str] | list[int] | None): The column of the translation, or
        several for several references. By default "translation", and 1 in TSV.
    split (str | None): The part of a data set, such as "train".
    subset (str | None): The configuration of a data set that has several.
    shuffle_buffer (int): Pairs held at a time to shuffle them, in another order at each pass;
        0 keeps the order of the file.
    seed (int): What the orders follow from.
    limit (int): Pairs to stop after, 0 for none.
    max_length (int): Characters that a side may have, 0 for any number.
    on_misaligned (str): What to do where a file ends before the others, a record does not have
        a column, or a line of TSV has more or fewer than the first: "error" or "skip".
    on_invalid_utf8 (str): What to do with other bytes: "error", "replace" or "skip".
    on_empty (str): What to do with a pair that has an empty side: "error", "skip" or "keep".
    on_too_long (str): What to do with a pair beyond `max_length`: "error" or "skip".
    attr (str): The custom attribute of the reference that takes the translation: a text, or a
        list of texts where there are several.
    RETURNS (ParallelCorpus): A function from a pipeline to its examples.
    RAISES (ValueError): If the settings are wrong or a file is missing.
    """
    targets = _to_list(target)
    rules = {
        "on_misaligned": on_misaligned,
        "on_invalid_utf8": on_invalid_utf8,
        "on_empty": on_empty,
        "on_too_long": on_too_long,
    }
    return ParallelCorpus(
        open_source(source, targets, source_field, _to_list(target_field), split, subset),
        names=[str(name) for name in (source, *targets)],
        rules=rules,
        shuffle_buffer=shuffle_buffer,
        seed=seed,
        limit=limit,
        max_length=max_length,
        attr=attr,
    )


class ParallelCorpus:
    """Iterate over the examples of a parallel corpus.

    read (Read): Starts to read from the first pair.
    names (Sequence[str]): The file of each side, or the one of all sides.
    rules (dict[str, str]): The choice for each of `RULES`.
    shuffle_buffer (int): Pairs held at a time to shuffle them, 0 for none.
    seed (int): What the orders follow from.
    limit (int): Pairs to stop after, 0 for none.
    max_length (int): Characters that a side may have, 0 for any number.
    attr (str): The custom attribute that takes the translation.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(
        self,
        read: Read,
        names: Sequence[str],
        rules: dict[str, str],
        *,
        shuffle_buffer: int = 0,
        seed: int = 0,
        limit: int = 0,
        max_length: int = 0,
        attr: str = "translation",
    ) -> None:
        for name, choice in rules.items():
            if choice not in RULES[name].choices:
                raise ValueError(
                    f"{name} is {choice!r}: set it to {_list_choices(RULES[name].choices)}"
                )
        numbers = {"shuffle_buffer": shuffle_buffer, "limit": limit, "max_length": max_length}
        for name, number in numbers.items():
            check_count(name, number, 0)
        ensure_extension(attr)
        self.read = read
        self.names = names
        self.rules = rules
        self.shuffle_buffer = shuffle_buffer
        self.seed = seed
        self.limit = limit
        self.max_length = max_length
        self.attr = attr
        self._passes = count()

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Make the examples.

        nlp (Language): The pipeline whose tokenizer cuts the source.
        YIELDS (Example): The examples.
        RAISES (ValueError): If a pair has a fault whose rule is "error".
        """
        for pair in self.pairs():
            text = str(pair.sides[0])
            reference = nlp.make_doc(text)
            self.set_translation(reference, pair)
            yield Example(nlp.make_doc(text), reference)

    def set_translation(self, doc: Doc, pair: Pair) -> None:
        """Write the translation of a pair to a document.

        doc (Doc): The document of the source.
        pair (Pair): The pair.
        """
        translations = list(pair.sides[1:])
        doc._.set(self.attr, translations if len(translations) > 1 else translations[0])

    def pairs(self, warn: Callable[[str], object] = logger.warning) -> Iterator[Pair]:
        """Read the pairs, hold them against the rules and shuffle them.

        warn (Callable[[str], object]): Takes a line for each kind of fault at the end.
        YIELDS (Pair): The pairs.
        RAISES (ValueError): If a pair has a fault whose rule is "error".
        """
        random = Random(f"{self.seed} {next(self._passes)}")
        faults: dict[str, list[int]] = {}
        checked = islice(self._check(faults), self.limit or None)
        try:
            yield from shuffle(checked, self.shuffle_buffer, random)
        finally:
            for rule, (number, first) in faults.items():
                choice, fault = self.rules[rule], self._describe(rule)
                warn(
                    f"{self.names[0]}: {DONE[choice]} pairs with {fault}: {number}, "
                    f'the first in line {first} ({rule} = "{choice}")'
                )

    def _check(self, faults: dict[str, list[int]]) -> Iterator[Pair]:
        """Let through what the rules allow; count faults and note the first line of each."""
        for pair in self.read():
            for rule in RULES:
                found = RULES[rule].found
                bad = [i for i, side in enumerate(pair.sides) if found(side, self.max_length)]
                if not bad:
                    continue
                choice = self.rules[rule]
                if choice == "error":
                    raise self._refuse(rule, pair, bad[0])
                faults.setdefault(rule, [0, pair.number])[0] += 1
                if choice == "skip":
                    break
                if choice == "replace":
                    sides = [SURROGATE.sub("\ufffd", side or "") for side in pair.sides]
                    pair = pair._replace(sides=sides)
            else:
                yield pair

    def _refuse(self, rule: str, pair: Pair, side: int) -> ValueError:
        """Say where a fault is and what can be done."""
        name = self.names[min(side, len(self.names) - 1)]
        sides = [text and text[:60] for text in pair.sides]
        fault = pair.fault or f"{self._describe(rule)}: {sides}. Correct the corpus"
        others = _list_choices(RULES[rule].choices[1:])
        return ValueError(f"{name}, line {pair.number}: {fault}, or set {rule} to {others}")

    def _describe(self, rule: str) -> str:
        """Name a fault."""
        return RULES[rule].fault.format(max_length=self.max_length)


def shuffle(items: Iterable[ItemT], buffer: int, random: Random) -> Iterator[ItemT]:
    """Shuffle a stream: what comes out is drawn from the items that are held.

    items (Iterable[ItemT]): The stream.
    buffer (int): Items to hold.
    random (Random): Draws them.
    YIELDS (ItemT): Each item once.
    """
    held: list[ItemT] = []
    for item in items:
        held.append(item)
        if len(held) > buffer:
            place = random.randrange(len(held))
            held[place], held[-1] = held[-1], held[place]
            yield held.pop()
    random.shuffle(held)
    yield from held


def _to_list(value: object) -> list:
    """Make a list of what a config gives as one value, several or none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _list_choices(choices: Sequence[str]) -> str:
    """Show the values that a setting can have."""
    return " or ".join(f'"{choice}"' for choice in choices)
