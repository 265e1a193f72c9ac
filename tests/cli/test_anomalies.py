"""Lines of a log that surprise a language model."""

import json

import pytest
import spacy
from spacy.training import Example
from thinc.api import Adam
from typer.testing import CliRunner

from spacy_rnn.cli.anomalies import rank
from spacy_rnn.cli.app import app

USUAL = [f"user {number} logged in" for number in range(8)]


def test_lines_are_ranked_by_surprisal():
    found = rank(["a", "b", "c"], [1.0, 9.123, 3.0], {2: "new"}, 2)
    assert found == {
        "lines": 3,
        "known_anomalies": 1,
        "r_precision": 1.0,
        "most_surprising": [
            {"line": 2, "bits": 9.12, "text": "b", "anomaly": "new"},
            {"line": 3, "bits": 3.0, "text": "c", "anomaly": None},
        ],
    }
    assert rank(["a", "b", "c"], [1.0, 9.0, 3.0], {2: "x", 1: "y"}, 1)["r_precision"] == 0.5
    assert rank(["a"], [1.0], {}, 1)["r_precision"] is None


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    nlp = spacy.blank("en")
    config = {
        "units": "characters",
        "min_count": 1,
        "model": {"embed_width": 16, "network": {"width": 32, "depth": 1}},
    }
    nlp.add_pipe("rnn_lm", config=config)
    examples = [Example(nlp.make_doc(line), nlp.make_doc(line)) for line in USUAL]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


def test_the_odd_line_is_found(model, tmp_path):
    odd = "niode 7 us eggol rr"
    (tmp_path / "test.log").write_text("\n".join([*USUAL[:4], odd, *USUAL[4:]]), "utf8")
    (tmp_path / "known.json").write_text('{"5": "scrambled"}')
    arguments = [
        *("find-anomalies", model, tmp_path / "test.log", "--known", tmp_path / "known.json"),
        *("--output", tmp_path / "out" / "found.json", "--chart", tmp_path / "out" / "all.svg"),
        *("--limit", "2"),
    ]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "found.json").read_text("utf8"))
    assert found["r_precision"] == 1.0
    assert found["most_surprising"][0]["line"] == 5
    first, second = result.output.splitlines()
    assert first.endswith(f"{odd}  <- scrambled")
    assert "<-" not in second
    assert "scrambled" in (tmp_path / "out" / "all.svg").read_text("utf8")


def test_logs_of_any_encoding_are_read_right(model, tmp_path):
    log = tmp_path / "test.log"
    log.write_bytes(b"\xef\xbb\xbfuser 1 logged in\r\nuser\x0b2 \xff in\n")
    (tmp_path / "known.json").write_text('{"2": "new"}', "utf-8-sig")
    arguments = ["find-anomalies", str(model), str(log), "--output", str(tmp_path / "a.json")]
    arguments += ["--known", str(tmp_path / "known.json")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "1 lines with bytes that are not utf8, the first line 2" in " ".join(
        result.output.split()
    )
    found = json.loads((tmp_path / "a.json").read_text("utf8"))["most_surprising"]
    assert {row["line"]: row["text"] for row in found} == {
        1: "user 1 logged in",
        2: "user\x0b2 \ufffd in",
    }
    result = CliRunner().invoke(app, [*arguments, "--on-invalid-utf8", "error"])
    assert result.exit_code == 1


def test_a_pipeline_without_a_language_model(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "model")
    (tmp_path / "test.log").write_text("a\n", "utf8")
    arguments = ["find-anomalies", str(tmp_path / "model"), str(tmp_path / "test.log")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "language models of" in result.output
