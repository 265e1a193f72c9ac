"""The project's workflow runs from its committed files alone."""

import json
import shutil

import pytest


@pytest.fixture
def project(root, tmp_path):
    for name in ("assets", "configs"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copy(root / "project.yml", tmp_path)
    return tmp_path


def test_tagger_workflow(project, run_python):
    config = project / "configs" / "tagger.cfg"
    text = config.read_text(encoding="utf8")
    shorter = text.replace("max_steps = 300", "max_steps = 50")
    assert shorter != text
    config.write_text(shorter, encoding="utf8")
    run_python("-m", "spacy", "project", "run", "tagger", cwd=project)
    scores = json.loads((project / "metrics" / "tagger.json").read_text(encoding="utf8"))
    assert scores["tag_acc"] > 0.9


def test_phrases_are_what_the_script_writes(root, tmp_path, run_python):
    run_python(root / "scripts" / "make_phrases.py", tmp_path)
    for name in ("train.conllu", "dev.conllu"):
        committed = root / "assets" / "phrases" / name
        assert (tmp_path / name).read_bytes() == committed.read_bytes()


def test_train_and_dev_share_no_phrase(root):
    train, dev = (
        set((root / "assets" / "phrases" / name).read_text(encoding="utf8").split("\n\n"))
        for name in ("train.conllu", "dev.conllu")
    )
    assert train & dev == {""}
