"""The README tells the truth: its code runs, and its tables list what there is."""

import inspect
import json
import re
from pathlib import Path

import pytest
from confection import Config
from spacy import registry

from spacy_rnn.layers.encoders import build_recurrent_encoder_v1

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", blocks("python"))
def test_snippets_run(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_network_snippet_shows_that_the_batch_does_not_matter(capsys):
    exec(blocks("python")[1], {})
    assert capsys.readouterr().out.endswith("True\n")


@pytest.mark.parametrize("text", blocks("ini"))
def test_config_snippets_resolve(text):
    above = "[components]\n[components.tok2vec]\n[components.tok2vec.model]\n"
    config = Config().from_str(above + text)
    block = config["components"]["tok2vec"]["model"]["encode"]
    assert registry.resolve({"model": block})["model"].get_dim("nO") == 96


def test_every_setting_is_listed_with_its_default():
    listed = dict(re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", README, re.MULTILINE))
    parameters = inspect.signature(build_recurrent_encoder_v1).parameters
    assert listed.keys() == parameters.keys()
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert json.loads(listed[name]) == parameter.default


def test_commands_name_files_that_exist():
    for path in re.findall(r"python (\S+\.py)", "".join(blocks("bash"))):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["encoders.py", "{dev}", "--limit", "8", "--rounds", "1", "--cells", "lstm"],
        ["pipeline.py", "{dev}", "{dev}", "--steps", "2"],
    ],
)
def test_benchmarks_run(arguments, run_python):
    script, *options = arguments
    dev = ROOT / "assets" / "phrases" / "dev.conllu"
    output = run_python(
        ROOT / "benchmarks" / script, *(option.format(dev=dev) for option in options)
    )
    assert "memory" in output


def test_start_is_measured(run_python):
    output = run_python(ROOT / "benchmarks" / "startup.py", "--rounds", "1")
    assert re.fullmatch(r"with \d+ ms, without \d+ ms: [+-]\d+ ms\n", output)
