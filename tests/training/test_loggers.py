"""The console logger: its table, its bar and its file."""

import io
import json
import math
import time

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Shim

from spacy_rnn.training import loggers
from spacy_rnn.training.loggers import create_console_logger_v1

ENCODER = {
    "@architectures": "spacy-rnn.BiLSTMEncoder.v1",
    "width": 8,
    "depth": 1,
    "dropout": 0.0,
}
TOK2VEC = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 8,
        "attrs": ["NORM"],
        "rows": [50],
        "include_static_vectors": False,
    },
    "encode": ENCODER,
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def start():
    """Set up the logger of a tagger, whose networks have gradients of these norms."""

    def start(
        log_path=None, progress_bar=True, stderr=None, grad_norms=(), keep_models=0, **training
    ):
        nlp = spacy.blank("en")
        tagger = nlp.add_pipe("tagger")
        tagger.model.shims.append(Shim(None))
        for grad_norm in grad_norms:
            shim = Shim(None)
            shim.grad_norm = grad_norm
            tagger.model.shims.append(shim)
        settings = {"max_steps": 300, "max_epochs": 0, "eval_frequency": 2, **training}
        nlp.config = nlp.config.merge({"training": settings})
        stdout = io.StringIO()
        set_up = create_console_logger_v1(progress_bar, log_path, keep_models=keep_models)
        return stdout, *set_up(nlp, stdout, stderr or io.StringIO())

    return start


@pytest.fixture
def clock(monkeypatch):
    """Let the logger read these times, one after the other."""

    def set_times(*times):
        monkeypatch.setattr(loggers, "perf_counter", iter(times).__next__)

    return set_times


def info(step=0, epoch=0, words=10, loss=1.0, score=0.5, **scores):
    return {
        "epoch": epoch,
        "step": step,
        "words": words,
        "losses": {"tagger": loss},
        "score": score,
        "other_scores": scores,
    }


def table(stdout):
    """Read printed rows as dictionaries."""
    header, dashes, *rows = stdout.getvalue().splitlines()
    positions, end = [], 0
    for dash in dashes.split():
        begin = dashes.index(dash, end)
        end = begin + len(dash)
        positions.append(slice(begin, end))
    return [
        {header[position].strip(): row[position].strip() for position in positions} for row in rows
    ]


def read(path):
    """Read JSON lines as strictly as others do."""

    def refuse(constant):
        raise ValueError(constant)

    lines = path.read_text(encoding="utf8").splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def test_a_training_is_logged(tmp_path):
    spacy.registry.loggers.register("test-console.v1", func=create_console_logger_v1)
    corpus, log_path = tmp_path / "corpus.spacy", tmp_path / "logs" / "log.jsonl"
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": TOK2VEC}}
    )
    docs = [Doc(nlp.vocab, words=["a", "bird", "sings"], tags=["D", "N", "V"]) for _ in range(4)]
    DocBin(docs=docs).to_disk(corpus)
    logger = {"@loggers": "test-console.v1", "log_path": str(log_path)}
    config = nlp.config.merge(
        {
            "paths": {"train": str(corpus), "dev": str(corpus)},
            "training": {"max_steps": 4, "eval_frequency": 2, "logger": logger},
        }
    )
    nlp = init_nlp(config)
    stdout, stderr = io.StringIO(), io.StringIO()
    train(nlp, stdout=stdout, stderr=stderr)
    assert stderr.getvalue() == ""

    lines = stdout.getvalue().splitlines()
    begin = next(number for number, line in enumerate(lines) if "LOSS" in line)
    printed = table(io.StringIO("\n".join(lines[begin:])))
    columns = ["E", "#", "LOSS", "TAG_ACC", "POS_ACC", "SCORE", "TOKENS/S", "GRAD", "ETA"]
    assert list(printed[0]) == columns
    assert [row["#"] for row in printed] == ["0", "2", "4"]
    assert (printed[0]["ETA"], printed[-1]["ETA"]) == ("-", "0:00:00")

    logged = read(log_path)
    assert [row["step"] for row in logged] == [0, 2, 4]
    assert logged[-1]["words"] == 5 * sum(map(len, docs))
    assert [row["seconds"] for row in logged] == sorted(row["seconds"] for row in logged)
    for shown, row in zip(printed, logged, strict=True):
        assert float(shown["LOSS"]) == pytest.approx(row["losses"]["tagger"], abs=0.01)
        assert float(shown["TAG_ACC"]) == pytest.approx(100 * row["scores"]["tag_acc"], abs=0.01)
    (shim,) = [s for node in nlp.get_pipe("tagger").model.walk() for s in node.shims]
    assert logged[-1]["grad_norm"] == shim.grad_norm > 0


@pytest.mark.parametrize(
    ("name", "score", "printed"),
    [
        ("perplexity", 5.4, "5.40"),
        ("word_perplexity", 0.9, "0.90"),
        ("bleu", 31.25, "31.25"),
        ("translator_bleu", 0.5, "0.50"),
        ("chrf", 1.0, "1.00"),
        ("ter", 0.75, "0.75"),
        ("translator_ter", 0.75, "0.75"),
        ("speed", 0.5, "0.50"),
        ("tag_acc", 0.5, "50.00"),
        ("character_acc", 0.5, "50.00"),
        ("tag_acc", 1.0, "100.00"),
        ("bits", 3.5, "3.50"),
        ("perplexity", math.inf, "inf"),
        ("perplexity", math.nan, "nan"),
    ],
)
def test_each_score_has_its_scale(start, name, score, printed):
    stdout, log_step, _ = start(score_weights={name: 0.0})
    log_step(info(**{name: score}))
    (row,) = table(stdout)
    assert row[name.upper()] == printed


def test_scores_that_weigh_null_are_in_the_file_alone(start, tmp_path):
    log_path = tmp_path / "log.jsonl"
    stdout, log_step, finalize = start(str(log_path), score_weights={"bleu": 1, "ter": None})
    log_step(info(bleu=40.0, ter=50.0, by_label={"A": 1}))
    finalize()
    (shown,), (logged,) = table(stdout), read(log_path)
    assert shown["BLEU"] == "40.00"
    assert "TER" not in shown
    assert logged["scores"] == {"bleu": 40.0, "ter": 50.0}


@pytest.mark.parametrize(
    ("components", "header"),
    [
        (["tagger"], ["LOSS", "ACC", "LM_ACC"]),
        (["tagger", "lm"], ["LOSS TAGGER", "LOSS LM", "TAGGER_ACC", "LM_ACC"]),
    ],
)
def test_the_name_of_the_only_component_is_left_out(components, header):
    nlp = spacy.blank("en")
    for name in components:
        nlp.add_pipe("tagger", name=name)
    scores = {"tagger_acc": 1.0, "lm_acc": 0.0}
    nlp.config = nlp.config.merge({"training": {"score_weights": scores}})
    stdout = io.StringIO()
    log_step, _ = create_console_logger_v1()(nlp, stdout, io.StringIO())
    losses = dict.fromkeys(components, 1.0)
    log_step({**info(tagger_acc=0.5, lm_acc=0.25), "losses": losses})
    (row,) = table(stdout)
    assert set(header) <= set(row)
    assert any("TAGGER" in name for name in row) == (len(components) > 1)


def test_what_is_missing_is_marked(start):
    stdout, log_step, _ = start(score_weights={"bleu": 1})
    log_step({**info(), "losses": {}})
    (row,) = table(stdout)
    assert (row["LOSS"], row["BLEU"], row["GRAD"]) == ("-", "-", "-")


def test_the_largest_norm_of_gradients_is_shown(start):
    stdout, log_step, _ = start(grad_norms=[0.5, 2.25, 1.0])
    log_step(info())
    assert table(stdout)[0]["GRAD"] == "2.25"


def test_numbers_that_json_lacks_become_null(start, tmp_path):
    log_path = tmp_path / "log.jsonl"
    _, log_step, finalize = start(str(log_path), score_weights={})
    log_step(info(loss=math.nan, score=-math.inf, perplexity=math.inf, bleu=1.5))
    finalize()
    (row,) = read(log_path)
    assert row["losses"] == {"tagger": None}
    assert row["score"] is None
    assert row["scores"] == {"perplexity": None, "bleu": 1.5}


def test_speed_is_that_since_the_last_row(start, clock, tmp_path):
    log_path = tmp_path / "log.jsonl"
    clock(5, 15, 35)
    stdout, log_step, finalize = start(str(log_path), max_steps=300)
    log_step(info(step=0, words=100))
    log_step(None)
    log_step(info(step=100, words=2100))
    finalize()
    assert [row["TOKENS/S"] for row in table(stdout)] == ["10", "100"]
    # 200 steps to go, of 20 seconds for 100.
    assert [row["ETA"] for row in table(stdout)] == ["-", "0:00:40"]
    assert [row["seconds"] for row in read(log_path)] == [10, 30]
    assert [row["tokens_per_second"] for row in read(log_path)] == [10, 100]


@pytest.mark.parametrize(
    ("max_steps", "max_epochs", "expected"),
    [
        (0, 4, "1:00:00"),
        (13, 4, "0:18:00"),
        (300, 4, "1:00:00"),
        (300, 0, "29:00:00"),
        (300, -1, "29:00:00"),
    ],
)
def test_what_ends_first_sets_the_time_left(start, clock, max_steps, max_epochs, expected):
    """An epoch takes 5 steps, if the second one began halfway between two rows."""
    clock(0, 1, 3601)
    stdout, log_step, _ = start(max_steps=max_steps, max_epochs=max_epochs)
    log_step(info(step=0))
    log_step(info(step=10, epoch=1))
    assert table(stdout)[-1]["ETA"] == expected


def test_without_an_end_there_is_no_time_left(start):
    stdout, log_step, _ = start(max_steps=0)
    log_step(info())
    assert "ETA" not in table(stdout)[0]


def test_file_is_fresh_and_flushed(start, tmp_path):
    """At each start, the first of which makes the folders."""
    log_path = tmp_path / "a" / "b" / "log.jsonl"
    for step in (0, 1):
        _, log_step, finalize = start(str(log_path))
        assert read(log_path) == []
        log_step(info(step=step))
        log_step(None)
        assert [row["step"] for row in read(log_path)] == [step]
        finalize()


@pytest.mark.parametrize(
    ("wanted", "stderr", "shown"),
    [
        (True, Terminal(), True),
        (False, Terminal(), False),
        (True, io.StringIO(), False),
    ],
)
def test_bar_needs_a_terminal(start, wanted, stderr, shown):
    _, log_step, finalize = start(progress_bar=wanted, stderr=stderr)
    log_step(info(epoch=6))
    time.sleep(0.2)  # It is drawn ten times a second at most.
    log_step(None)
    finalize()
    assert ("Epoch 7:   0%" in stderr.getvalue()) == ("1/2" in stderr.getvalue()) == shown
    assert stderr.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_the_last_models_are_kept(tmp_path, start):
    """Also where a training resumes, or begins once more in the same folder."""

    def evaluate(*steps):
        *_, log_step, _ = start(keep_models=2)
        for step in steps:
            (tmp_path / "model-last").mkdir(exist_ok=True)
            (tmp_path / "model-last" / "step").write_text(str(step))
            log_step(info(step=step) | {"output_path": str(tmp_path / "model-last")})

    def read_kept():
        return {path.name: (path / "step").read_text() for path in tmp_path.glob("model-*[0-9]")}

    (tmp_path / "model-best").mkdir()
    evaluate(0, 9, 10)
    assert read_kept() == {"model-9": "9", "model-10": "10"}
    evaluate(10, 12)
    assert read_kept() == {"model-10": "10", "model-12": "12"}
    evaluate(0)
    assert read_kept() == {"model-0": "0"}
    assert (tmp_path / "model-best").is_dir()


def test_no_models_are_kept_without_a_folder(tmp_path, monkeypatch, start):
    monkeypatch.chdir(tmp_path)
    *_, log_step, _ = start(keep_models=2)
    log_step(info())
    assert not [*tmp_path.iterdir()]


def test_a_negative_number_of_models_is_refused():
    with pytest.raises(ValueError, match="keep_models is -1, but has to be at least 0"):
        create_console_logger_v1(keep_models=-1)
