"""The project's workflows run from its committed files alone."""

import json
import re
import shutil
from pathlib import Path

import pytest
from spacy.util import load_config, registry

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
    short = {"phrasebook": 20, "textcat": 50, "tagger": 50, "ner": 50, "events": 20}
    for name, steps in short.items():
        shorten(project / "configs" / f"{name}.cfg", max_steps=steps, eval_frequency=steps)
    shorten(project / "project.yml", max_steps=10, eval_frequency=10)
    for part in ("dev", "test"):  # A translator that knows nothing yet writes long and slowly.
        path = project / "assets" / "phrasebook" / f"{part}.jsonl"
        path.write_text("\n".join(path.read_text("utf8").split("\n")[:40]) + "\n", "utf8")
    run_python("-m", "spacy", "project", "run", "train", cwd=project)
    scores = read_json(project / "metrics" / "phrasebook.json")
    assert 0 < scores["bleu"] < 100
    assert scores["perplexity"] < 1200
    assert "nrefs:1|case:mixed" in scores["bleu_signature"]
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
    assert read_json(project / "metrics" / "lm.json")["rnn_lm_perplexity"] < 1000
    run_python("-m", "spacy", "project", "run", "ner", cwd=project)
    assert read_json(project / "metrics" / "phrasebook-ner.json")["ents_f"] > 0.5
    run_python("-m", "spacy", "project", "run", "events", cwd=project)
    assert read_json(project / "metrics" / "events.json")
    assert (project / "metrics" / "events.svg").is_file()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_optimizers_of_configs_stand_alone(path):
    """spaCy makes a new one of the config of a trained pipeline without filling in variables."""
    config = load_config(path, interpolate=False)
    assert registry.resolve({"optimizer": config["training"]["optimizer"]})["optimizer"]


def test_the_readme_documents_the_project(root, tmp_path, run_python):
    for name in ("README.md", "project.yml"):
        shutil.copy(root / name, tmp_path)
    run_python("-m", "spacy", "project", "document", "--output", "README.md", cwd=tmp_path)
    assert (tmp_path / "README.md").read_text("utf8") == (root / "README.md").read_text("utf8")
