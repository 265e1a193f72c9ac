"""Load damaged models, and see that nothing comes of it but an error or the same predictions.

`python tests/fuzz/fuzz_models.py --count 10000` prints a table of outcomes, and each failure with
the seed that repeats it: `--only SEED`. What is allowed is in `ALLOWED` below. Linux only, where
memory is measured.
"""

import argparse
import copy
import json
import logging
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent / "helpers"))

import numpy as np
import spacy
import srsly
import torch
from contract_samples import SAMPLES, Sample, make_class_examples, read_classes, read_tags
from spacy.language import Language
from spacy.util import fix_random_seed
from stock_pipelines import RECURRENT, WIDTH
from thinc.api import Adam, Config

from spacy_rnn.cli.info import find_networks
from spacy_rnn.errors import ModelLoadError

MAX_SECONDS = 2.0
"""Processor time of a refusal above that of loading the intact component."""

MAX_MEGABYTES = 64
"""Memory of a refusal above that of loading the intact component."""

TEXTS = ["Anna reads the old book in Oslo .", "cats", "", "Ben saw Zoë . a bird"]

EMBED = {
    "@architectures": "spacy-rnn.SumHashEmbed.v1",
    "width": WIDTH,
    "attrs": ["NORM", "PREFIX"],
    "rows": [50, 20],
    "unk_alpha": 0.0,
}
CHARACTERS = {"@architectures": "spacy-rnn.CharRNNEmbed.v1", "width": WIDTH, "embed_width": 4}
STOCK_TAGGER = {"embed": {**EMBED}, "encode": RECURRENT}
STOCK_NER = {"embed": CHARACTERS, "encode": {**RECURRENT, "cell": "gru"}}
POOLING = {"@misc": "spacy-rnn.attention_pooling.v1", "width": 8}


def tok2vec(parts: dict) -> dict:
    return {"@architectures": "spacy.Tok2Vec.v2", **parts}


def read_spans(doc: spacy.tokens.Doc) -> list:
    return doc.to_json()["ents"]


OURS = {
    "rnn_tagger": SAMPLES["tagger"],
    "rnn_tagger, CRF": SAMPLES["CRF tagger"],
    "rnn_ner": SAMPLES["n best"],
    "rnn_textcat": SAMPLES["classifier"],
    "rnn_textcat_multilabel": SAMPLES["classifier of many"],
    "rnn_translator": SAMPLES["translator"],
    "rnn_lm": SAMPLES["language model"],
    "rnn_translator, 8 bits": SAMPLES["translator"],
}
STOCK = {
    "tagger": Sample("tagger", {"model": {"tok2vec": tok2vec(STOCK_TAGGER)}}, "", read_tags),
    "ner": Sample("ner", {"model": {"tok2vec": tok2vec(STOCK_NER)}}, "", read_spans),
    "textcat": Sample(
        "textcat",
        {
            "model": {
                "@architectures": "spacy-rnn.TextClassifier.v1",
                "tok2vec": tok2vec(STOCK_TAGGER),
                "pooling": POOLING,
                "exclusive_classes": True,
            }
        },
        "",
        read_classes,
        make_class_examples,
    ),
}

FREE = {"cache_size", "cache_weight", "cache_sharpness", "mixed_precision", "dropout"}
"""Settings of architectures that change predictions, or nothing, on purpose."""


class Subject(NamedTuple):
    """A stored component, and what is expected of it.

    name (str): Its name in the table.
    sample (Sample): How it is made.
    nlp (Language): A pipeline of the same vocabulary, without components.
    config (dict): Its complete settings.
    folder (Path): Where the pipeline lies.
    expected (list): What it predicts.
    """

    name: str
    sample: Sample
    nlp: Language
    config: dict
    folder: Path
    expected: list

    @property
    def is_ours(self) -> bool:
        return self.name in OURS

    @property
    def component_folder(self) -> Path:
        return self.folder / self.sample.factory


class Outcome(NamedTuple):
    """What came of a damaged model.

    kind (str): One of `ALLOWED`, or something else, which is a failure.
    detail (str): What happened, in a line.
    """

    kind: str
    detail: str = ""


SAME = "same predictions"
REFUSED = "ModelLoadError"
SETTING = "error of a setting"
THINC = "error of spaCy or Thinc"
STOCK_CHANGED = "other predictions, by what is stored of spaCy's or Thinc's alone"
SEALED = "other predictions, sealed anew"
ALLOWED = {
    SAME: "",
    REFUSED: "",
    SETTING: "a value of config.cfg that a function refuses when the component is made",
    THINC: "in stock components, where the file is theirs",
    STOCK_CHANGED: "in stock components: the weights and labels that are not of this package",
    SEALED: "another valid model, with checksums that are its own",
}


# Subjects


def make_subjects(root: Path, seed: int) -> list[Subject]:
    """Train and store each component once."""
    subjects = []
    for name, sample in (OURS | STOCK).items():
        fix_random_seed(seed)
        nlp = spacy.blank("en")
        nlp.add_pipe(sample.factory, config=sample.config)
        examples = sample.make_examples(nlp)
        if seed % 2:  # The other model of a pair has other labels and another vocabulary.
            examples = examples[:-4]
        nlp.initialize(lambda examples=examples: examples)
        for _ in range(8):
            nlp.update(examples, sgd=Adam(0.01))
        if name.endswith("8 bits"):
            for network in find_networks(nlp.get_pipe(sample.factory).model):
                network.quantize()
        folder = root / f"{seed}-{len(subjects)}"
        nlp.to_disk(folder)
        config = Config().from_disk(folder / "config.cfg")["components"][sample.factory]
        component = nlp.get_pipe(sample.factory)
        nlp.remove_pipe(sample.factory)
        expected = predict(nlp, component, sample)
        subjects.append(Subject(name, sample, nlp, config, folder, expected))
    return subjects


def predict(nlp: Language, component: Any, sample: Sample) -> list:
    docs = list(component.pipe([nlp.make_doc(text) for text in TEXTS], batch_size=2))
    return [sample.read(doc) for doc in docs]


def make_component(subject: Subject, config: dict) -> Any:
    config = {key: value for key, value in config.items() if key != "factory"}
    factory = subject.sample.factory
    return subject.nlp.create_pipe(factory, name=factory, config=copy.deepcopy(config))


# Damage. Each function changes a copy of the folder of a component, and says how.


def flip_bits(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    data = bytearray(file.read_bytes())
    positions = [rng.randrange(len(data)) for _ in range(rng.choice([1, 1, 1, 2, 16]))]
    for position in positions:
        data[position] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    return f"{file.name} at {positions}"


def flip_bits_of_header(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    """Flip a bit near the start or the end of a file, where lengths and names are."""
    file = choose_file(folder, rng)
    data = bytearray(file.read_bytes())
    place = rng.choice([1, -1]) * rng.randrange(min(400, len(data)))
    data[place] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    return f"{file.name} at {place}"


def cut(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    data = file.read_bytes()
    end = rng.choice([0, 1, len(data) // 2, len(data) - 1, rng.randrange(len(data))])
    file.write_bytes(data[:end])
    return f"{file.name} to {end} of {len(data)}"


def overwrite(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    data = bytearray(file.read_bytes())
    start = rng.randrange(len(data))
    size = rng.choice([1, 8, 64, 4096])
    filler = rng.choice([b"\0" * size, b"\xff" * size, rng.randbytes(size), b""])
    data[start : start + size] = filler
    file.write_bytes(data)
    return f"{file.name} at {start}: {size} bytes by {filler[:8]!r}"


def append(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    file.write_bytes(file.read_bytes() + rng.randbytes(rng.choice([1, 7, 100])))
    return file.name


def remove(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    file.unlink()
    return file.name


def make_folder(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    file.unlink()
    file.mkdir()
    return file.name


def swap(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = choose_file(folder, rng)
    other = rng.choice(others)
    source = other.component_folder / file.name
    if not source.exists():
        source = other.component_folder / "model"
    shutil.copy(source, file)
    return f"{file.name} of {other.name}"


def change_cfg(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    file = rng.choice(
        [path for path in (folder / "cfg", folder / "manifest.json") if path.exists()]
    )
    values = json.loads(file.read_text())
    said = change_leaf(values, rng)
    file.write_text(json.dumps(values))
    return f"{file.name}: {said}"


def change_labels_sealed(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    values = json.loads((folder / "cfg").read_text())
    said = change_leaf(values, rng)
    (folder / "cfg").write_text(json.dumps(values))
    seal(folder)
    return f"cfg: {said}"


def change_message_sealed(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    """Change a value of what Thinc stores: names, dimensions, attributes, parameters."""
    message = srsly.msgpack_loads((folder / "model").read_bytes())
    part = rng.choice(["nodes", "attrs", "params", "shims"])
    said = change_leaf(message[part], rng)
    (folder / "model").write_bytes(srsly.msgpack_dumps(message))
    seal(folder)
    return f"{part}: {said}"


def change_weights_sealed(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    """Flip bits of the weights of a network, or cut them."""
    message = srsly.msgpack_loads((folder / "model").read_bytes())
    blob = rng.choice([shims for shims in message["shims"] if shims])
    data = bytearray(blob[0])
    place = rng.randrange(len(data))
    if rng.random() < 0.2:
        del data[place:]
    else:
        data[place] ^= 1 << rng.randrange(8)
    blob[0] = bytes(data)
    (folder / "model").write_bytes(srsly.msgpack_dumps(message))
    seal(folder)
    return f"weights at {place}"


def change_header_sealed(folder: Path, rng: random.Random, others: list[Subject]) -> str:
    """Change a value of the header of stored weights."""
    message = srsly.msgpack_loads((folder / "model").read_bytes())
    shims = [shims for shims in message["shims"] if shims]
    blob = rng.choice(shims)
    data = blob[0]
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    facts = json.loads(header["__metadata__"]["spacy_rnn"])
    said = change_leaf(rng.choice([facts, facts["dims"], header]), rng)
    header["__metadata__"] = {"spacy_rnn": json.dumps(facts)}
    encoded = json.dumps(header).encode()
    blob[0] = len(encoded).to_bytes(8, "little") + encoded + data[end:]
    (folder / "model").write_bytes(srsly.msgpack_dumps(message))
    seal(folder)
    return f"header: {said}"


def seal(folder: Path) -> None:
    """Give a changed component a manifest with right checksums."""
    manifest = folder / "manifest.json"
    if manifest.exists():
        stored = json.loads(manifest.read_text())
        stored["checksums"] = {
            name: crc32((folder / name).read_bytes()) for name in stored["checksums"]
        }
        manifest.write_text(json.dumps(stored))


def choose_file(folder: Path, rng: random.Random) -> Path:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return rng.choice([*files, folder / "model", folder / "model"])


DAMAGE: dict[str, Callable[[Path, random.Random, list[Subject]], str]] = {
    "bits flipped": flip_bits,
    "bits flipped at an end": flip_bits_of_header,
    "cut": cut,
    "bytes overwritten": overwrite,
    "bytes appended": append,
    "file removed": remove,
    "folder for a file": make_folder,
    "file of another model": swap,
    "JSON value changed": change_cfg,
    "cfg changed, sealed": change_labels_sealed,
    "model changed, sealed": change_message_sealed,
    "weights changed, sealed": change_weights_sealed,
    "header changed, sealed": change_header_sealed,
}
OF_NETWORKS = ("weights changed, sealed", "header changed, sealed")
"""Damage of what is of this package alone: spaCy's parser reads past its memory where other things
are wrong, and would take this process with it."""
CONFIG_CHANGED = "config value changed"
OF_SPACY = "file of spaCy's damaged"


def change_leaf(values: Any, rng: random.Random) -> str:
    """Change a value somewhere within lists and dictionaries."""
    leaves = list(find_leaves(values))
    if not leaves:
        return "nothing"
    parent, key = rng.choice(leaves)
    old = parent[key]
    if rng.random() < 0.15:
        del parent[key]
        return f"{key} removed"
    parent[key] = new = change_value(old, rng)
    return f"{key}: {str(old)[:40]!r} to {str(new)[:40]!r}"


def find_leaves(values: Any) -> Iterator[tuple[Any, Any]]:
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in items:
        yield values, key
        if isinstance(value, dict | list) and value:
            yield from find_leaves(value)


def change_value(old: Any, rng: random.Random) -> Any:
    anything = [None, "", "x", 0, -1, 1, 2.5, 10**5, 10**9, 2**31, 2**62, 2**63 - 1, True, [], {}]
    if rng.random() < 0.2:
        return rng.choice(anything)
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        numbers = [old + 1, old - 1, 2 * old, 0, -1, 10**5, 10**9, 2**62, old + rng.randrange(9)]
        return rng.choice([number for number in numbers if -(2**63) < number < 2**63])
    if isinstance(old, float):
        return rng.choice([old + 0.1, -old, 0.0, 1.0, 1e30, 2 * old])
    if isinstance(old, str):
        words = ["lstm", "gru", "rnn_tanh", "mgu", "indrnn", "concat", "sum", "zero", "learned"]
        words += [
            "last",
            "dense",
            "softmax",
            "crf",
            "tag",
            "pos",
            "morph",
            "words",
            "NEW",
            old * 2,
        ]
        return rng.choice(words)
    if isinstance(old, list):
        change = rng.choice([lambda: old[:-1], lambda: [*old, *old[:1]], lambda: old[::-1]])
        return change()
    if isinstance(old, bytes):
        return rng.choice([old[:-1], old + b"\0", b"", old[1:]])
    if isinstance(old, np.ndarray):
        change = rng.choice(
            [
                lambda: old[..., :-1],
                lambda: old[:-1],
                lambda: old.reshape(-1),
                lambda: old + 1,
                lambda: old.astype("float64"),
                lambda: np.full_like(old, np.nan),
            ]
        )
        return np.ascontiguousarray(change())
    return rng.choice(anything)


def change_config(config: dict, rng: random.Random) -> tuple[dict, str]:
    """Change a setting of the model of a component, or one that its weights depend on."""
    config = copy.deepcopy(config)
    settings = [
        (parent, key)
        for parent, key in find_leaves({"model": config["model"]})
        if key not in FREE and key != "source"
    ]
    fixed = {"rnn_tagger": ["attr"], "rnn_lm": ["units", "direction"]}
    settings += [(config, key) for key in fixed.get(config["factory"], [])]
    parent, key = rng.choice(settings)
    old = parent[key]
    if rng.random() < 0.05:
        del parent[key]
        return config, f"{key} removed"
    # Names of functions are looked up by spaCy's config system, which takes strings alone.
    new = change_value(old, rng)
    parent[key] = str(new) if str(key).startswith("@") else new
    return config, f"{key}: {str(old)[:40]!r} to {str(parent[key])[:40]!r}"


# Trials


def peak_megabytes() -> float:
    """Return the most memory since `forget_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


class Trials:
    """Damage models and load them, one after the other.

    root (Path): A folder to work in.
    """

    def __init__(self, root: Path):
        self.root = root
        self.subjects = make_subjects(root, 0)
        self.others = make_subjects(root, 1)
        self.victims: dict[str, Any] = {}
        self.intact: dict[str, tuple[float, float]] = {}

    def run(self, seed: int) -> tuple[str, str, Outcome]:
        """Run one trial: return the subject, the kind of damage, and what came of it."""
        rng = random.Random(seed)
        index = rng.randrange(len(self.subjects))
        subject = self.subjects[index]
        kinds = OF_NETWORKS if subject.name == "ner" else (*DAMAGE, *DAMAGE, *[CONFIG_CHANGED] * 3)
        kind = rng.choice(kinds)
        if rng.random() < 0.01 and subject.is_ours:
            kind = OF_SPACY
            return subject.name, kind, self._load_pipeline(subject, rng)
        folder = self.root / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(subject.component_folder, folder)
        config, said = subject.config, ""
        if kind == CONFIG_CHANGED:
            config, said = change_config(config, rng)
        else:
            said = DAMAGE[kind](folder, rng, [*self.others, *self.subjects])
        # Into a component that is in use, or into a new one.
        in_use = subject.is_ours and kind != CONFIG_CHANGED and rng.random() < 0.5
        seconds, megabytes = self._measure_intact(subject)
        forget_peak()
        start, before = time.process_time(), peak_megabytes()
        outcome = self._load(subject, index, config, folder, kind, in_use)
        seconds = time.process_time() - start - seconds
        megabytes = peak_megabytes() - before - megabytes
        if seconds > MAX_SECONDS or megabytes > MAX_MEGABYTES:
            outcome = Outcome("too much", f"{seconds:.1f} s, {megabytes:.0f} MB, {outcome}")
        return subject.name, kind, outcome._replace(detail=f"{said}: {outcome.detail}")

    def _measure_intact(self, subject: Subject) -> tuple[float, float]:
        if subject.name not in self.intact:
            for _ in range(2):  # The first time is not typical.
                forget_peak()
                start, before = time.process_time(), peak_megabytes()
                component = make_component(subject, subject.config)
                component.from_disk(subject.component_folder, exclude=["vocab"])
                assert predict(subject.nlp, component, subject.sample) == subject.expected
                spent = time.process_time() - start
                self.intact[subject.name] = spent, peak_megabytes() - before
        return self.intact[subject.name]

    def _load(
        self, subject: Subject, index: int, config: dict, folder: Path, kind: str, in_use: bool
    ) -> Outcome:
        sealed = "sealed" in kind
        victim = self._victim(index) if in_use else None
        untouched = None if victim is None else victim.to_bytes(exclude=["vocab"])
        try:
            component = make_component(subject, config) if victim is None else victim
        except ValueError as error:
            return Outcome(SETTING, one_line(error))
        except Exception as error:
            return Outcome("error that is no ValueError, of a setting", one_line(error))
        try:
            component.from_disk(folder, exclude=["vocab"])
        except ModelLoadError as error:
            if victim is not None and victim.to_bytes(exclude=["vocab"]) != untouched:
                return Outcome("not as it was", one_line(error))
            if subject.is_ours and error.component != component.name:
                return Outcome("no component is named", one_line(error))
            return Outcome(REFUSED, one_line(error))
        except Exception as error:
            return Outcome("another error" if subject.is_ours else THINC, one_line(error))
        self.victims.pop(subject.name, None) if in_use else None
        try:
            predictions = predict(subject.nlp, component, subject.sample)
        except Exception as error:
            outcome = "error of a prediction" if subject.is_ours else THINC
            return Outcome(outcome, f"{type(error).__name__} {one_line(error)}")
        if predictions == subject.expected:
            return Outcome(SAME)
        if not subject.is_ours:
            return Outcome(STOCK_CHANGED)
        return Outcome(SEALED if sealed else "other predictions")

    def _victim(self, index: int) -> Any:
        """Return a component in use, with weights of its own."""
        other = self.others[index]
        if other.name not in self.victims:
            component = make_component(other, other.config)
            self.victims[other.name] = component.from_disk(
                other.component_folder, exclude=["vocab"]
            )
        return self.victims[other.name]

    def _load_pipeline(self, subject: Subject, rng: random.Random) -> Outcome:
        """Damage a file of a pipeline that is spaCy's own, and load the pipeline."""
        folder = self.root / "pipeline"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(subject.folder, folder)
        files = [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parent != folder / subject.sample.factory
        ]
        file = rng.choice([*files, folder / "config.cfg", folder / "meta.json"])
        data = bytearray(file.read_bytes())
        place = rng.randrange(len(data))
        data[place] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
        said = f"{file.relative_to(folder)} at {place}"
        try:
            nlp = spacy.load(folder)
            docs = list(nlp.pipe(TEXTS))
            same = [subject.sample.read(doc) for doc in docs] == subject.expected
        except ModelLoadError as error:
            return Outcome(REFUSED, f"{said}: {one_line(error)}")
        except Exception as error:
            return Outcome(THINC, f"{said}: {type(error).__name__} {one_line(error)}")
        return Outcome(SAME if same else STOCK_CHANGED, said)


def one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())[:300]


def fuzz(seeds: range, root: Path, report: Callable[[str], object] = print) -> list[str]:
    """Run trials, report a table of outcomes, and return what failed."""
    trials = Trials(root)
    table: Counter[tuple[str, str]] = Counter()
    by_subject: Counter[tuple[str, str]] = Counter()
    failures = []
    for number, seed in enumerate(seeds):
        subject, kind, outcome = trials.run(seed)
        table[kind, outcome.kind] += 1
        by_subject[subject, outcome.kind] += 1
        if outcome.kind not in ALLOWED:
            failures.append(f"{seed}: {subject}, {kind}: {outcome.kind}: {outcome.detail}")
            report(failures[-1])
        if len(seeds) == 1:
            report(f"{subject}, {kind}: {outcome.kind}: {outcome.detail}")
        elif number % 1000 == 999:
            report(f"{number + 1} done, {len(failures)} failures, {peak_megabytes():.0f} MB")
    for title, counts in (("damage", table), ("component", by_subject)):
        report(format_table(title, counts))
    return failures


def format_table(title: str, counts: Counter[tuple[str, str]]) -> str:
    outcomes = sorted(
        {outcome for _, outcome in counts}, key=lambda name: (name not in ALLOWED, name)
    )
    rows = sorted({row for row, _ in counts})
    lines = [f"| {title} | " + " | ".join(outcomes) + " |", "|---" * (len(outcomes) + 1) + "|"]
    lines += [
        f"| {row} | " + " | ".join(str(counts[row, outcome] or "") for outcome in outcomes) + " |"
        for row in rows
    ]
    totals = (str(sum(counts[row, outcome] for row in rows)) for outcome in outcomes)
    return "\n".join([*lines, "| all | " + " | ".join(totals) + " |", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="Damaged models to load")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the first one")
    parser.add_argument("--only", type=int, help="Repeat the one of this seed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("spacy").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    if arguments.only is not None:
        seeds = range(arguments.only, arguments.only + 1)
    with tempfile.TemporaryDirectory() as root:
        failures = fuzz(seeds, Path(root))
    sys.exit(f"{len(failures)} failures" if failures else 0)


if __name__ == "__main__":
    main()
