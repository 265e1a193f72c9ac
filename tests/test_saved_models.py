"""Models that each version saved load in this one, or the error says what to do."""

import json
import re
from pathlib import Path

import pytest
import spacy
from make_model import describe

from spacy_rnn.about import package_version
from spacy_rnn.errors import ModelLoadError

FOLDER = Path(__file__).parent / "models"
VERSIONS = sorted(path.parent.name for path in FOLDER.glob("*/pipeline"))


def test_there_is_a_model_of_this_version():
    assert package_version() in VERSIONS, "run python tests/models/make_model.py"
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 200_000 * len(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_predicts_what_it_did_or_says_what_to_do(version):
    expected = json.loads((FOLDER / version / "predictions.json").read_text(encoding="utf8"))
    nlp, error = load(FOLDER / version / "pipeline")
    if nlp is None:
        assert version != package_version()
        assert re.search(f"saved by spacy-rnn {re.escape(version)}, .* install", error)
    else:
        assert describe(nlp) == expected


def load(path):
    try:
        return spacy.load(path), ""
    except ModelLoadError as error:
        return None, str(error)
