"""Corpora that are written part by part, and go on where they were interrupted."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import srsly
from spacy.tokens import Doc, DocBin

from .atomic import replace_file, replace_json
from .fingerprint import describe_difference


class PartialCorpus:
    """Parts of a .spacy file, in a folder beside it until all of them are there.

    output (Path): The file.
    made_from (dict[str, Any]): What the parts follow from, as JSON can hold it: a corpus by its
        fingerprint, all else by values.
    RAISES (ValueError): If there are parts that follow from anything else.

    count (int): The number of parts so far.
    left_out (int): The documents that were left out, as whoever adds parts counts them.
    """

    def __init__(self, output: Path, made_from: dict[str, Any]):
        self.output = output
        self.folder = output.with_name(f"{output.name}.parts")
        self.made_from = made_from
        self.count = 0
        self.left_out = 0
        if self._state.exists():
            self._resume()

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"

    def _resume(self) -> None:
        try:
            state = srsly.read_json(self._state)
            made_from = state["made_from"]
            self.count, self.left_out = state["count"], state["left_out"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self._state} is damaged: delete {self.folder}") from error
        differences = list(_describe_differences(made_from, self.made_from))
        if differences:
            raise ValueError(
                f"{self.folder} has parts that an interrupted run left, but these followed from "
                f"something else: {'; '.join(differences)}. Go on with what it was, or delete the "
                f"folder to begin anew"
            )

    def add(self, docs: Iterable[Doc]) -> None:
        """Store a part.

        docs (Iterable[Doc]): Its documents. Each is stored before the next one is taken.
        """
        part = DocBin(docs=docs, store_user_data=True)
        replace_file(self._path(self.count), part.to_bytes())
        # A part counts once the state says so: one that is not counted is written again.
        count = self.count + 1
        state = {"made_from": self.made_from, "count": count, "left_out": self.left_out}
        replace_json(self._state, state)
        self.count = count

    def join(self) -> int:
        """Write the file, and delete the parts.

        RETURNS (int): The number of documents in it.
        """
        joined = DocBin(store_user_data=True)
        for number in range(self.count):
            joined.merge(DocBin(store_user_data=True).from_disk(self._path(number)))
        replace_file(self.output, joined.to_bytes())
        shutil.rmtree(self.folder, ignore_errors=True)
        return len(joined)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}.spacy"


def _describe_differences(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for name, value in now.items():
        if before.get(name) == value:
            continue
        if isinstance(value, dict) and "digests" in value:
            yield from describe_difference(before[name], value)
        else:
            yield f"{name} was {before.get(name)!r} and is {value!r}"
