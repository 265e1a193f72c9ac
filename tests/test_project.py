"""The project's workflows run from its committed files alone."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
import srsly
from console import find_commands
from pages import find_blocks, find_pages, read_page
from spacy.tokens import DocBin
from spacy.util import load_config, registry
from spacy.vocab import Vocab
from weasel.util import load_project_config, parse_config_overrides

SHELLS = ("bash", "console")
CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.cfg"))


@pytest.fixture
def project(root, tmp_path):
    for name in ("assets", "configs", "scripts"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copy(root / "project.yml", tmp_path)
    return tmp_path


def shorten(path, **settings):
    """Change numbers of a committed config, or of what the project hands to one."""
    text = path.read_text(encoding="utf8")
    for name, new in settings.items():
        text, count = re.subn(rf"({name}(?: =|)) \d+", rf"\1 {new}", text)
        assert count
    path.write_text(text, encoding="utf8")


def read_json(path):
    return json.loads(path.read_text(encoding="utf8"))


def test_workflows(project, run_python):
    """With fewer steps than a user's: from corpus to report and translation, and taggers."""
    short = {"phrasebook": 20, "textcat": 50, "tagger": 50, "ner": 120, "events": 20}
    for name, steps in short.items():
        shorten(project / "configs" / f"{name}.cfg", max_steps=steps, eval_frequency=steps)
    shorten(project / "configs" / "phrasebook.cfg", warmup_steps=1)
    shorten(project / "project.yml", max_steps=60, eval_frequency=60)
    # A translator that knows nothing yet writes long and slowly.
    for part in ("dev", "test", "everyday"):
        path = project / "assets" / "phrasebook" / f"{part}.jsonl"
        path.write_text("\n".join(path.read_text("utf8").split("\n")[:40]) + "\n", "utf8")
    output = run_python("-m", "spacy", "project", "run", "train", cwd=project)
    shown = output.splitlines()[-9:]
    assert set(shown[0]) == {" ", "-"}  # Below the names of the columns.
    everyday = (project / "assets" / "phrasebook" / "everyday.jsonl").read_text("utf8")
    texts = [json.loads(line)["text"] for line in everyday.splitlines()[:8]]
    width = max(map(len, texts))
    assert [line[:width].rstrip() for line in shown[1:]] == texts
    assert all(re.search(r" -?\d+\.\d\d$", line) for line in shown[1:])
    scores = read_json(project / "metrics" / "phrasebook.json")
    assert 0 < scores["rnn_translator_bleu"] < 100
    assert scores["rnn_translator_token_perplexity"] < 1200
    assert "nrefs:1|case:mixed" in scores["rnn_translator_bleu_signature"]
    everyday = read_json(project / "metrics" / "phrasebook-everyday.json")
    assert "nrefs:var|case:mixed" in everyday["rnn_translator_bleu_signature"]
    meta = read_json(project / "training" / "phrasebook" / "model-best" / "meta.json")
    assert "nrefs:1|case:mixed" in meta["performance"]["rnn_translator_bleu_signature"]
    report = (project / "metrics" / "phrasebook" / "report.md").read_text(encoding="utf8")
    assert "case:mixed" in report
    assert (project / "metrics" / "phrasebook" / "report.html").is_file()
    assert (project / "metrics" / "phrasebook" / "attention.svg").is_file()
    output = run_python("-m", "spacy", "project", "run", "translate", cwd=project)
    assert output.strip()
    run_python("-m", "spacy", "project", "run", "tagger", cwd=project)
    run_python("-m", "spacy", "project", "run", "textcat", cwd=project)
    assert read_json(project / "metrics" / "textcat-phrasebook.json")["cats_micro_f"] > 0.7
    assert read_json(project / "metrics" / "phrasebook-tagger.json")["pos_acc"] > 0.9
    run_python("-m", "spacy", "project", "run", "lm", cwd=project)
    assert read_json(project / "metrics" / "lm.json")["rnn_lm_word_perplexity"] < 1000
    run_python("-m", "spacy", "project", "run", "ner", cwd=project)
    assert read_json(project / "metrics" / "phrasebook-ner.json")["ents_f"] > 0.5
    run_python("-m", "spacy", "project", "run", "events", cwd=project)
    assert read_json(project / "metrics" / "events.json")
    assert (project / "metrics" / "events.svg").is_file()


def test_own_files_may_stand_anywhere(project, tmp_path, run_python):
    """With an absolute path, spaces and apostrophes in it, and faults that are left out."""
    own = tmp_path / "Ann's own files"
    own.mkdir()
    (own / "all pairs.tsv").write_text("a\tA\n\tB\nno tab\nc\tC\n", encoding="utf8")
    paths = {"train": own / "all pairs.tsv", "dev": "Ann's own files/all pairs.tsv"}
    options = {"name": "own", "on_empty": "skip", "on_misaligned": "skip", **paths}
    settings = [text for name, value in options.items() for text in (f"--vars.{name}", value)]
    output = run_python("-m", "spacy", "project", "run", "corpus", ".", *settings, cwd=project)
    assert output.count('(on_empty = "skip")') == output.count('(on_misaligned = "skip")') == 2
    for part in ("train", "dev"):
        docs = list(DocBin().from_disk(project / f"corpus/own/{part}.spacy").get_docs(Vocab()))
        assert [doc.text for doc in docs] == ["a", "c"]


def test_text_to_translate_is_one_argument(project, run_python):
    text = "Where's the dogs' (only) food? It's *gone*; & #1"
    arguments = ["translate", ".", "--dry", "--vars.text", text]
    output = run_python("-m", "spacy", "project", "run", *arguments, cwd=project)
    (command,) = re.findall("Running command: (.+)", output)
    assert text in shlex.split(command)


def test_pages_download_what_their_commands_need(root, tmp_path):
    """Of the project's commands in pages, all exist, and so do their variables."""
    shutil.copy(root / "project.yml", tmp_path)
    plain = srsly.read_yaml(tmp_path / "project.yml")
    downloads = {asset["dest"] for asset in plain["assets"]}
    needing = set()
    for page in find_pages():
        shown = []  # What the page shows before.
        blocks = [
            block for block in find_blocks(read_page(page), page) if block.language in SHELLS
        ]
        for command in (command for block in blocks for command in find_commands(block)):
            shown.append(command.text)
            if not (match := re.match(r"(python -m )?spacy project run ([\w-]+)", command.text)):
                continue
            words = [word for word in command.words[len(match[0].split()) :] if word != "."]
            if "--dry" in words:
                words.remove("--dry")
            overrides = parse_config_overrides(words, None)
            assert {name.removeprefix("vars.") for name in overrides} <= plain["vars"].keys()
            config = load_project_config(tmp_path, overrides=overrides)
            names = config["workflows"].get(match[2], [match[2]])
            commands = {command["name"]: command for command in config["commands"]}
            if downloads & {path for name in names for path in commands[name]["deps"]}:
                needing.add(match[2])
                assert any("spacy project assets" in text for text in shown), command.at
    assert needing >= {"multi30k", "ner"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_optimizers_of_configs_stand_alone(path):
    """spaCy makes a new one of the config of a trained pipeline without filling in variables."""
    config = load_config(path, interpolate=False)
    assert registry.resolve({"optimizer": config["training"]["optimizer"]})["optimizer"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_checkpoints_of_configs_are_replaced_at_once(path):
    training = load_config(path, interpolate=True)["training"]
    assert training["before_to_disk"]["@callbacks"] == "spacy-rnn.atomic_checkpoints.v1"


def test_the_benchmarks_show_the_commands_of_the_workflow(root, tmp_path):
    """The student of the benchmarks is the one that the workflow leaves, at the same paths."""
    shutil.copy(root / "project.yml", tmp_path)
    overrides = {"vars.name": "multi30k", "vars.student": "configs/translator-fast.cfg"}
    config = load_project_config(tmp_path, overrides=overrides)
    commands = {command["name"]: command for command in config["commands"]}
    steps = [commands[name] for name in config["workflows"]["distill"]]
    scripts = [{*shlex.split(script)} for step in steps for script in step["script"]]
    blocks = find_blocks(read_page("docs/benchmarks.md"))
    (block,) = (block for block in blocks if " distill " in block.text)
    shown = find_commands(block)
    assert len(shown) >= 4
    for command in shown:
        assert any(script.issuperset(command.words) for script in scripts), command.at
    paths = load_config(root / "configs" / "translator-fast.cfg")["paths"]
    fit = commands["distill-fit"]
    assert {paths["train"], paths["dev"]} < {*fit["deps"]}
    assert paths["log"] in fit["outputs"]
    assert steps[-1]["outputs"] == ["metrics/multi30k-small.json"]


def test_a_page_documents_the_project(root, tmp_path, run_python):
    page = root / "docs" / "usage" / "projects.md"
    assert "AUTO-GENERATED" in page.read_text("utf8")
    for path in (page, root / "project.yml"):
        shutil.copy(path, tmp_path)
    run_python("-m", "spacy", "project", "document", "--output", "projects.md", cwd=tmp_path)
    assert (tmp_path / "projects.md").read_text("utf8") == page.read_text("utf8")


def test_a_page_lists_all_variables(root):
    """With their defaults, unless these are the phrasebook's files."""
    page = (root / "docs" / "usage" / "projects.md").read_text("utf8")
    (section,) = re.findall(r"^## Variables\n((?:(?!#).*\n)*)", page, re.MULTILINE)
    listed = {}
    for names, defaults in re.findall(r"^\| (`.+?`) \| (.+?) \|", section, re.MULTILINE):
        names, values = re.findall(r"`(\w+)`", names), re.findall(r"`(.+?)`", defaults)
        values = map(json.loads, values * len(names) if len(values) == 1 else values)
        listed.update(zip(names, values, strict=True) if "`" in defaults else dict.fromkeys(names))
    variables = srsly.read_yaml(root / "project.yml")["vars"]
    assert listed.keys() == variables.keys()
    for name, default in listed.items():
        assert default == variables[name] or default is None
