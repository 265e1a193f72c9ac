"""Components on disk and as bytes: loaded whole, or not at all."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import srsly
from spacy import util
from spacy.pipeline import TrainablePipe
from spacy.vocab import Vocab

from ..about import package_version
from ..architectures.consistency import check_layers
from ..architectures.known_words import find_counting, retain_words
from ..bridge.loading import all_or_nothing, describe
from ..errors import ModelLoadError

MANIFEST = "manifest.json"
"""The file with the version that saved a component, and checksums of the others."""

Stored = TypeVar("Stored", bound="StoredPipe")


class StoredPipe(TrainablePipe):
    """A component that is loaded whole, after it was checked, or stays as it was.

    Its parts are those of spaCy's trainable components, and a manifest.

    saved_by (str | None): The version of this package that saved the component, if it was loaded.
    """

    saved_by: str | None = None

    trained_for: tuple[str, ...] = ()
    """Settings of `cfg` that a trained model is of no use with another value of."""

    def check_loaded(self) -> None:
        """Refuse parts that do not fit each other, after they were loaded.

        RAISES (ValueError): If they do not.
        """
        raise NotImplementedError

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Store the component.

        exclude (Iterable[str]): Names of parts to leave out: "vocab", "cfg", "model".
        RETURNS (bytes): Its parts.
        """
        parts = self._parts(exclude)
        if "vocab" not in exclude:
            parts["vocab"] = self.vocab.to_bytes(exclude=exclude)
        return srsly.msgpack_dumps(parts)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Store the component.

        path (str | Path): The folder, which is made where there is none.
        exclude (Iterable[str]): Names of parts to leave out: "vocab", "cfg", "model".
        """
        folder = util.ensure_path(path)
        folder.mkdir(exist_ok=True)
        for name, data in self._parts(exclude).items():
            (folder / name).write_bytes(data)
        if "vocab" not in exclude:
            self.vocab.to_disk(folder / "vocab", exclude=exclude)

    def from_bytes(self: Stored, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Stored:
        """Load the component.

        bytes_data (bytes): What `to_bytes` returned.
        exclude (Iterable[str]): Names of parts to leave as they are: "vocab", "cfg", "model".
        RETURNS (StoredPipe): The same component. After an error it is what it was before.
        RAISES (ModelLoadError): If a part is damaged, missing, or does not fit the others or the
            settings of the component.
        """
        try:
            parts = srsly.msgpack_loads(bytes_data)
            if not isinstance(parts, dict):
                raise ValueError("these are not the parts of a component")
        except Exception as error:
            raise ModelLoadError(describe(error), self.name, "its bytes") from error

        def load_vocab(vocab: Vocab) -> None:
            vocab.from_bytes(parts["vocab"], exclude=exclude)

        return self._load(parts.__getitem__, load_vocab, exclude, "{}, in its bytes")

    def from_disk(self: Stored, path: str | Path, *, exclude: Iterable[str] = ()) -> Stored:
        """Load the component.

        path (str | Path): The folder.
        exclude (Iterable[str]): Names of parts to leave as they are: "vocab", "cfg", "model".
        RETURNS (StoredPipe): The same component. After an error it is what it was before.
        RAISES (ModelLoadError): If a file is damaged, missing, or does not fit the others or the
            settings of the component.
        """
        folder = util.ensure_path(path)

        def load_vocab(vocab: Vocab) -> None:
            vocab.from_disk(folder / "vocab", exclude=exclude)

        return self._load(
            lambda name: (folder / name).read_bytes(), load_vocab, exclude, f"{folder}/{{}}"
        )

    def _parts(self, exclude: Iterable[str]) -> dict[str, bytes]:
        """Return all parts but the vocabulary of spaCy."""
        self._validate_serialization_attrs()
        parts = {}
        if "cfg" not in exclude:
            parts["cfg"] = srsly.json_dumps(self.cfg, indent=2).encode("utf8")
        if "model" not in exclude:
            parts["model"] = self.model.to_bytes()
        checksums = {name: crc32(data) for name, data in parts.items()}
        manifest = {"spacy_rnn_version": package_version(), "checksums": checksums}
        return {**parts, MANIFEST: srsly.json_dumps(manifest, indent=2).encode("utf8")}

    def _load(
        self: Stored,
        read: Callable[[str], bytes],
        load_vocab: Callable[[Vocab], None],
        exclude: Iterable[str],
        place: str,
    ) -> Stored:
        """Load all parts.

        read (Callable[[str], bytes]): Returns a part by its name.
        load_vocab (Callable[[Vocab], None]): Loads the vocabulary of spaCy.
        place (str): Where a part is, with a blank for its name.
        """
        before = dict(self.cfg)
        saved_by, file = None, MANIFEST
        try:
            with all_or_nothing(self.model):
                manifest = json.loads(read(MANIFEST))
                saved_by, checksums = manifest["spacy_rnn_version"], manifest["checksums"]
                parts = {}
                for file in ("cfg", "model"):
                    if file not in exclude:
                        parts[file] = _check(read(file), checksums[file])
                if "cfg" in parts:
                    file = "cfg"
                    self._load_cfg(json.loads(parts["cfg"]))
                if "model" in parts:
                    file = "model"
                    retain_words(find_counting(self.model), False)
                    self.model.from_bytes(parts["model"])
                if parts.keys() == checksums.keys():
                    file = "cfg and model"
                    check_layers(self.model)
                    self.check_loaded()
                if "vocab" not in exclude:
                    file = "vocab"
                    load_vocab(Vocab())  # Where it cannot be loaded, that of the pipeline stays.
                    load_vocab(self.vocab)
        except BaseException as error:
            self.cfg.clear()
            self.cfg.update(before)
            if not isinstance(error, Exception):
                raise
            reason = error.reason if isinstance(error, ModelLoadError) else describe(error)
            raise ModelLoadError(reason, self.name, place.format(file), saved_by) from error
        self.saved_by = saved_by
        return self

    def _load_cfg(self, stored: dict[str, Any]) -> None:
        for name in self.trained_for:
            if stored[name] != self.cfg[name]:
                raise ModelLoadError(
                    f"the model was trained with {name} = {json.dumps(stored[name])}, but the "
                    f"config says {json.dumps(self.cfg[name])}: set it to what it was"
                )
        for name, value in stored.items():
            kinds = {type(value), type(self.cfg.get(name)), type(None)}
            if len(kinds) > 2 and not kinds <= {int, float, type(None)}:
                raise ModelLoadError(f"{name} is {json.dumps(value)}: restore the file")
        self.cfg.update(stored)


def check_labels(component: TrainablePipe, scores: int) -> None:
    """Refuse labels that a loaded model has no scores for, or more scores than labels.

    component (TrainablePipe): The component.
    scores (int): The number of scores that its labels need.
    RAISES (ValueError): If the model has another number, or labels are no distinct texts.
    """
    labels = component.cfg["labels"]
    if not all(isinstance(label, str) for label in labels) or len({*labels}) < len(labels):
        raise ValueError(f"the labels are not distinct texts: {labels}")
    if component.model.has_dim("nO") and component.model.get_dim("nO") != scores:
        raise ValueError(
            f"the weights have {component.model.get_dim('nO')} scores, but the {len(labels)} "
            f"labels need {scores}: restore cfg and model from where they were copied together"
        )


def _check(data: bytes, checksum: int) -> bytes:
    if crc32(data) != checksum:
        raise ModelLoadError(
            f"the file is not the one that was saved, by its checksum in {MANIFEST}: restore the "
            f"folder from where it was copied; to change labels or settings of a trained "
            f"component, load it, change it and save it again"
        )
    return data
