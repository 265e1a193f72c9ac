"""A copy of the project in which commands of its workflows run at once, trainings cut short."""

import gzip
import json
import re
import shlex
import shutil
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from console import run
from pages import ROOT
from weasel.util import load_project_config, parse_config_overrides

SHORT = {"max_steps": 4, "eval_frequency": 4}
N_TRAIN, N_TEST = 300, 12  # Lines of corpora.
PHRASEBOOK = ROOT / "assets" / "phrasebook"

# What is a reader's own, or downloaded, and what it is made of here.
STAND_INS = {
    "assets/dev.tsv": "tsv",
    "assets/multi30k/test_2016_flickr.de.gz": "translation",
    "assets/multi30k/test_2016_flickr.en.gz": "text",
    "assets/multi30k/train.de.gz": "translation",
    "assets/multi30k/train.en.gz": "text",
    "assets/multi30k/val.de.gz": "translation",
    "assets/multi30k/val.en.gz": "text",
    "assets/test.tsv": "tsv",
    "assets/train.tsv": "tsv",
    "assets/trec/train.txt": "labelled",
    "assets/wnut17/dev.conll": "bio",
    "assets/wnut17/test.conll": "bio",
    "assets/wnut17/train.conll": "bio",
    "config.cfg": "config",
    "configs/mine.cfg": "config",
    "dev.spacy": "spacy",
    "dev.txt": "text",
    "lines.en": "text",
    "dev.conllu": "conllu",
    "train.conll": "bio",
    "train.conllu": "conllu",
    "train.de.0": "translation",
    "train.de.1": "translation",
    "train.en": "text",
    "train.spacy": "spacy",
    "train.txt": "text",
    "trec.txt": "labelled",
}


class Project:
    """A scratch copy of the project.

    folder (Path): Its folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, trained: Path | None) -> "Project":
        """Copy the project to a folder.

        folder (Path): The folder.
        trained (Path | None): A checkout in which `spacy project run train` ran, for its models.
        RETURNS (Project): The project.
        """
        for name in ("assets", "configs", "scripts"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "project.yml", folder)
        for path in (folder / "configs").glob("*.cfg"):
            config = re.sub(
                r"^vocab_size = .*", "vocab_size = 400", path.read_text("utf8"), flags=re.M
            )
            path.write_text(config, encoding="utf8")
        phrasebook = folder / "assets" / "phrasebook"
        with gzip.open(phrasebook / "train.jsonl.gz", "wt", encoding="utf8") as file:
            file.writelines(f"{json.dumps(record)}\n" for record in _read_records())
        # A translator that knows nothing yet writes long and slowly.
        for part in ("dev",) if trained else ("dev", "test", "everyday"):
            path = phrasebook / f"{part}.jsonl"
            lines = path.read_text(encoding="utf8").splitlines(keepends=True)
            path.write_text("".join(lines[:N_TEST]), encoding="utf8")
        project = cls(folder)
        if trained:
            project.make("corpus/phrasebook/train.spacy")
            for name in ("metrics", "training"):
                shutil.copytree(trained / name, folder / name, dirs_exist_ok=True)
        return project

    def copy(self, folder: Path) -> "Project":
        """Copy this project, with what it has made."""
        shutil.copytree(self.folder, folder)
        return Project(folder)

    def make(self, text: str) -> None:
        """Make the files that a text names: stand-ins, and what workflows leave."""
        self.stand_in(text)
        for command in self._load_commands().values():
            if any(_names(text, path) for path in command.get("outputs", [])):
                self._make(command)

    def run_workflow(self, words: list[str]) -> str | None:
        """Do what `spacy project run` does with what follows it; give what fails."""
        name, *rest = words
        overrides = shlex.join(rest[1:] if rest[:1] == ["."] else rest)
        for command in self._load_commands(overrides, name).values():
            if failure := self._make(command):
                return failure
        return None

    def stand_in(self, text: str) -> None:
        """Write those files of `STAND_INS` that a text names and that are not there."""
        for path in STAND_INS:
            if _names(text, path) and not (self.folder / path).exists():
                self._write_file(path)

    def _write_file(self, path: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        kind = STAND_INS[path]
        limit = {"labelled": 600}.get(kind, N_TRAIN if "train" in path else N_TEST)
        if kind == "spacy":
            from spacy_rnn.cli.convert import convert

            source = target.with_suffix(".jsonl")
            source.write_text(
                "".join(f"{json.dumps(each)}\n" for each in _read_records(limit)), "utf8"
            )
            convert(source, None, target)
            source.unlink()
        else:
            open_file = gzip.open if path.endswith(".gz") else open
            with open_file(target, "wt", encoding="utf8") as file:
                file.write(self._write(kind, limit))

    def _write(self, kind: str, limit: int) -> str:
        if kind == "config":
            config = (self.folder / "configs" / "phrasebook.cfg").read_text("utf8")
            for part in ("train", "dev"):
                path = f"corpus/phrasebook/{part}.spacy"
                config = re.sub(rf"^{part} = null", f'{part} = "{path}"', config, flags=re.M)
            return config
        rows = {
            "bio": lambda record: "".join(
                f"{token}\t{'B-FOOD' if tag == 'NOUN' else 'O'}\n"
                for token, tag in zip(record["tokens"], record["tags"], strict=True)
            ),
            "conllu": to_conllu,
            "labelled": lambda record: f"{record['intent'].replace(' ', '_')} {record['text']}",
            "text": lambda record: record["text"],
            "translation": lambda record: record["translation"],
            "tsv": lambda record: f"{record['text']}\t{record['translation']}",
        }
        return "\n".join(rows[kind](record) for record in _read_records(limit)) + "\n"

    def _load_commands(self, overrides: str = "", name: str | None = None) -> dict[str, dict]:
        """Load the project's commands, or those of a workflow or the one of a name."""
        given = parse_config_overrides(shlex.split(overrides), None)
        config = load_project_config(self.folder, overrides=given)
        commands = {command["name"]: command for command in config["commands"]}
        if name is None:
            return commands
        return {each: commands[each] for each in config["workflows"].get(name, [name])}

    def _make(self, command: dict) -> str | None:
        """Run the scripts of a command, unless its outputs are there, after those of others."""
        outputs = command.get("outputs", [])
        if outputs and all((self.folder / path).exists() for path in outputs):
            return None
        for path in command["deps"]:
            self.stand_in(path)
            for other in self._load_commands().values():
                if path in other.get("outputs", []) and not (self.folder / path).exists():
                    self._make(other)
            if not (self.folder / path).exists():
                return f"{command['name']} needs {path}"
        for script in command["script"]:
            status, printed = run(shorten(script), self.folder)
            if status:
                return f"$ {script}\n{printed}"
        return None


def to_conllu(record: dict) -> str:
    """Write the tags of a record as CoNLL-U."""
    return "".join(
        f"{number}\t{token}\t_\t{tag}\t_\t_\t{number - 1}\tdep\t_\t_\n"
        for number, (token, tag) in enumerate(
            zip(record["tokens"], record["tags"], strict=True), 1
        )
    )


def _read_records(limit: int = N_TRAIN) -> Iterable[dict]:
    """Read some of the phrasebook's records."""
    with gzip.open(PHRASEBOOK / "train.jsonl.gz", "rt", encoding="utf8") as lines:
        yield from map(json.loads, islice(lines, 0, limit * 20, 20))


def _names(text: str, path: str) -> bool:
    """Whether a text names a file, or what is in it."""
    return bool(re.search(rf"(?<![\w/.-]){re.escape(path)}(?![\w.-])", text))


def is_training(words: list[str]) -> bool:
    """Whether a command trains."""
    words = words[2:] if words[:2] == ["python", "-m"] else words
    return words[:2] == ["spacy", "train"] or words[:3] == ["spacy", "rnn", "train"]


def shorten(command: str) -> str:
    """Cut the training of a command short, if it has one, with a vocabulary that fits."""
    if not is_training(command.split()):
        return command
    settings = "".join(f" --training.{name} {value}" for name, value in SHORT.items())
    command = re.sub(r" --training\.(max_steps|eval_frequency) \d+", "", command)
    command = re.sub(r"(vocab_size) \d{4,}", r"\1 400", command)
    return re.sub(r"(?= [<>|]| 2>|$)", settings, command, count=1)
