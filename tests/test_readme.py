"""The README is true: its code runs, and its tables list what there is."""

import inspect
import json
import re
from pathlib import Path

import pytest
from confection import Config
from spacy import registry
from thinc.api import Optimizer

from spacy_rnn.architectures.encoders import build_recurrent_encoder_v1
from spacy_rnn.pipeline.lm.factory import DEFAULTS as LANGUAGE_MODEL
from spacy_rnn.pipeline.ner.factory import DEFAULTS as NER_DEFAULTS
from spacy_rnn.pipeline.tagger.factory import DEFAULTS as TAGGER_DEFAULTS
from spacy_rnn.pipeline.textcat.factory import DEFAULTS as TEXTCAT_DEFAULTS
from spacy_rnn.pipeline.translator.factory import DEFAULTS
from spacy_rnn.training.readers.registry import READERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("python"))
def test_snippets_run(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_network_snippet_shows_that_the_batch_does_not_matter(capsys):
    exec(next(code for code in blocks("python") if "RecurrentNetwork" in code), {})
    assert capsys.readouterr().out.endswith("True\n")


@pytest.mark.parametrize("text", [text for text in blocks("ini") if "training.optimizer" in text])
def test_training_snippets_resolve(text):
    settings = Config().from_str("[training]\n" + text)["training"]
    (made,) = registry.resolve(settings).values()
    assert isinstance(made, Optimizer)


@pytest.mark.parametrize("text", [text for text in blocks("ini") if ".scorer]" in text])
def test_scorer_snippets_resolve(text):
    head, *settings = text.splitlines()
    assert head == "[components.rnn_translator.scorer]"
    config = Config().from_str("\n".join(["[scorer]", *settings]))
    assert callable(registry.resolve(config)["scorer"])


def test_checkpoint_snippets_resolve():
    (text,) = (text for text in blocks("ini") if "before_to_disk" in text)
    config = Config().from_str("[training]\n" + text)
    assert callable(registry.resolve(config["training"])["before_to_disk"])


def test_augmenters_resolve():
    (text,) = (text for text in blocks("ini") if "augmenter" in text)
    config = Config().from_str(f"[corpora]\n[corpora.train]\n{text}")
    assert callable(registry.resolve(config["corpora"]["train"])["augmenter"])


@pytest.mark.parametrize(
    "text",
    [text for text in blocks("ini") if text.startswith("[components.tok2vec")],
)
def test_config_snippets_resolve(text):
    above = "[components]\n[components.tok2vec]\n[components.tok2vec.model]\n"
    config = Config().from_str(above + text)
    (block,) = config["components"]["tok2vec"]["model"].values()
    model = registry.resolve({"model": block})["model"]
    model.initialize()
    assert model.get_dim("nO") == 96


@pytest.mark.parametrize(
    ("title", "defaults"),
    [
        (
            "Settings of `spacy-rnn.RecurrentEncoder.v1`",
            {
                name: None if parameter.default is inspect.Parameter.empty else parameter.default
                for name, parameter in inspect.signature(
                    build_recurrent_encoder_v1
                ).parameters.items()
            },
        ),
        ("Settings of `rnn_translator`", DEFAULTS),
        ("Settings of `rnn_textcat`", TEXTCAT_DEFAULTS),
        ("Settings of `rnn_tagger`", TAGGER_DEFAULTS),
        ("Settings of `rnn_ner`", NER_DEFAULTS),
        ("Settings of `rnn_lm`", LANGUAGE_MODEL),
    ],
)
def test_every_setting_is_listed_with_its_default(title, defaults):
    section = README.split(f"# {title}\n")[1].split("\n#")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", section, re.MULTILINE))
    assert listed.keys() == defaults.keys()
    for name, default in listed.items():
        if default:
            assert json.loads(default) == defaults[name]


def test_every_corpus_format_is_listed():
    section = README.split("# Corpus formats\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.+) \|$", section, re.MULTILINE)
    assert [
        (name, tuple(re.findall(r"`(\.\w+)`", suffixes)), contents)
        for name, suffixes, contents in rows
    ] == [(reader.name, reader.suffixes, reader.contents) for reader in READERS.values()]


def test_commands_name_files_that_exist():
    for path in re.findall(r"python (\S+\.py)", "".join(blocks("bash"))):
        assert (ROOT / path).is_file()


def write_conllu(path: Path) -> str:
    """Write the tags of phrases as a treebank."""
    records = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    return "\n".join(
        "".join(
            f"{number}\t{token}\t_\t{tag}\t_\t_\t{number - 1}\tdep\t_\t_\n"
            for number, (token, tag) in enumerate(zip(*columns, strict=True), 1)
        )
        for columns in ((record["tokens"], record["tags"]) for record in records)
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [
            "encoders.py",
            "{dev}",
            "--limit",
            "8",
            "--rounds",
            "1",
            "--cells",
            "lstm",
            "--threads",
            "1",
        ],
        ["pipeline.py", "{dev}", "{dev}", "--steps", "2", "--rows", "rnn_tagger"],
    ],
)
def test_benchmarks_run(arguments, run_python, tmp_path):
    script, *options = arguments
    dev = tmp_path / "dev.conllu"
    dev.write_text(write_conllu(ROOT / "assets" / "phrasebook" / "dev.jsonl"), encoding="utf8")
    output = run_python(
        ROOT / "benchmarks" / script, *(option.format(dev=dev) for option in options)
    )
    assert "memory" in output


def test_tasks_are_compared(run_python, tmp_path):
    (tmp_path / "trec").mkdir()
    questions = [f"{'HUM:ind Who' if n % 2 else 'LOC:city Where'} is {n} ?" for n in range(560)]
    (tmp_path / "trec" / "train.txt").write_text("\n".join(questions), encoding="latin-1")
    script = ROOT / "benchmarks" / "tasks.py"
    output = run_python(script, tmp_path, "--tasks", "trec", "--rows", "rnn_textcat", "--steps", 2)
    assert re.search(r"trec +rnn_textcat +[\d.]+%", output)


def test_start_is_measured(run_python):
    output = run_python(ROOT / "benchmarks" / "startup.py", "--rounds", "1")
    assert re.fullmatch(r"with \d+ ms, without \d+ ms: [+-]\d+ ms\n", output)
