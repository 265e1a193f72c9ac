"""Lines in, lines out; scores of a translator."""

import gzip
import json
import os
import re
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from threading import Timer

import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_rnn.cli.app import app
from spacy_rnn.cli.evaluate import evaluate
from spacy_rnn.cli.models import load_translator

PAIRS = [("rot", "red"), ("gelb blau", "yellow blue"), ("blau", "blue"), ("gelb", "yellow")]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Store a translator that knows the pairs by heart."""
    fix_random_seed(0)
    nlp = spacy.blank("de")
    sizes = {"embed_width": 32, "network": {"width": 64}}
    parts = {
        "encoder": sizes,
        "attention": {"width": 32},
        "decoder": {**sizes, "readout_width": 32, "label_smoothing": 0.0},
    }
    nlp.add_pipe("rnn_translator", config={"vocab_size": 280, "model": parts})
    examples = []
    for source, target in PAIRS:
        reference = nlp.make_doc(source)
        reference._.translation = target
        examples.append(Example(nlp.make_doc(source), reference))
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


def run(*arguments, stdin=b""):
    return subprocess.run(
        [sys.executable, "-m", "spacy", "rnn", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=120,
    )


def test_lines_stay_lines(model):
    stdin = b"rot\n\ngelb blau\r\n  \nblau\nrot \xff\xfe\n"
    done = run("translate", model, "--batch-size", "2", stdin=stdin)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode("utf8").split("\n")
    assert lines[:5] == ["red", "", "yellow blue", "  ", "blue"]
    assert len(lines) == 7
    assert lines[6] == ""
    error = done.stderr.decode("utf8")
    assert "1 lines with bytes that are not utf8, the first line 6" in " ".join(error.split())


@pytest.mark.parametrize(
    ("data", "options", "lines"),
    [
        (b"\xef\xbb\xbfrot\nblau\n", (), ["red", "blue"]),
        ("rot\nblau\n".encode("utf-16"), (), ["red", "blue"]),
        ("rot\n".encode("utf-16-le"), ("--encoding", "utf-16-le"), ["red"]),
        (b"rot\n\xff\nblau\n", ("--on-invalid-utf8", "skip"), ["red", "", "blue"]),
        (b"rot\nblau \xff\n", ("--on-invalid-utf8", "error"), None),
        ("rot\n".encode("utf-16-le"), (), None),
    ],
)
def test_lines_of_any_encoding_are_translated_right_or_refused(model, data, options, lines):
    done = run("translate", model, *options, stdin=data)
    assert done.returncode == (1 if lines is None else 0), done.stderr
    if lines is not None:
        assert done.stdout.decode("utf8").splitlines() == lines
    else:
        assert b"encoding" in done.stderr


def test_texts_come_from_options_and_files_of_any_format(model, tmp_path):
    records = [{"text": source, "translation": target} for source, target in PAIRS]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf8")
    for arguments in (
        [path, "--limit", "2"],
        ["--text", "rot", "-t", "gelb blau"],
        [path, "--format", "jsonl", "-n", "2"],
    ):
        done = run("translate", model, *arguments)
        assert done.stdout.decode("utf8").splitlines() == ["red", "yellow blue"], done.stderr


def test_a_table_has_a_text_its_translations_and_their_scores_in_columns(model):
    options = ["--table", "--n-best", "2", "--beam-width", "4"]
    done = run("translate", model, *options, stdin=b"rot\n\ngelb\tblau\n")
    header, lines, *rows = done.stdout.decode("utf8").strip("\n").split("\n")
    start, end = header.index("Translation"), lines.rindex("   ")
    assert "\t" not in done.stdout.decode("utf8")
    assert [row[:start].strip() for row in rows[:2]] == ["rot", ""]
    assert "gelb blau" in [row[:start].strip() for row in rows]
    assert rows[0][start:end].strip() == "red"
    assert float(rows[0][end:]) > float(rows[1][end:])


def test_what_is_translated_comes_from_one_place(model, tmp_path):
    (tmp_path / "lines.txt").write_text("rot\n", "utf8")
    done = run("translate", model, tmp_path / "lines.txt", "--text", "rot")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"leave one of the two out" in b" ".join(done.stderr.split())
    done = run("translate", model, tmp_path / "missing.txt")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"There is no file" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
def test_typed_lines_are_translated_at_once(model, tmp_path):
    import pty

    nlp = spacy.load(model, config={"components.rnn_translator.read_ahead": 9})
    nlp.to_disk(tmp_path / "reads_ahead")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "spacy", "rnn", "translate", str(tmp_path / "reads_ahead")]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE) as process:
        patience = Timer(120, process.kill)
        patience.start()
        for source, target in PAIRS[:2]:
            os.write(ours, f"{source}\n".encode())
            assert process.stdout.readline() == f"{target}\n".encode()
        os.write(ours, b"\x04")  # The end of the input.
        assert process.wait() == 0
        patience.cancel()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("detail", ["text", "scores"])
def test_less_detail_and_more_threads_give_the_same_lines(model, detail):
    lines = b"rot\nblau\n" * 40
    plain = run("translate", model, stdin=lines)
    done = run("translate", model, "--detail", detail, "--threads", "2", stdin=lines)
    assert done.stdout == plain.stdout == b"red\nblue\n" * 40, done.stderr


def test_scores_are_there_where_they_are_shown(model, tmp_path):
    nlp = spacy.load(model, config={"components.rnn_translator.detail": "text"})
    nlp.to_disk(tmp_path / "text")
    plain = run("translate", model, "--n-best", "2", "--table", stdin=b"rot\n")
    done = run("translate", tmp_path / "text", "--n-best", "2", "--table", stdin=b"rot\n")
    assert done.stdout == plain.stdout, done.stderr


def test_n_best_are_numbered_and_scored(model):
    done = run("translate", model, "--n-best", "2", "--beam-width", "4", stdin=b"rot\nblau\n")
    rows = [line.split(" ||| ") for line in done.stdout.decode("utf8").splitlines()]
    assert [row[0] for row in rows] == ["0", "0", "1", "1"]
    assert (rows[0][1], rows[2][1]) == ("red", "blue")
    assert float(rows[0][2]) > float(rows[1][2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--beam-width", "0"], "beam_width is 0"),
        (["--n-best", "3", "--beam-width", "2"], "n_best is 3"),
        (["--n-best", "0"], "n_best is 0"),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--limit", "-1"], "limit is -1"),
        (["--threads", "0"], "threads is 0, but has to be at least 1"),
        (["--detail", "all"], 'detail is "all"'),
        (["--detail", "text", "--n-best", "2"], "--detail is text"),
        (["--component", "nobody"], "rnn_translator"),
    ],
)
def test_wrong_options_say_what_is_right(model, options, message):
    done = run("translate", model, *options, stdin=b"rot\n")
    assert done.returncode == 1
    assert message in done.stderr.decode("utf8")
    assert done.stdout == b""


def test_evaluation_writes_scores_and_samples(model, tmp_path):
    data = tmp_path / "test.tsv"
    data.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), "utf8")
    done = run(
        "evaluate",
        model,
        data,
        *("--output", tmp_path / "out" / "scores.json", "--samples", tmp_path / "samples.json"),
        *("--against", model),
    )
    assert done.returncode == 0, done.stdout
    scores = json.loads((tmp_path / "out" / "scores.json").read_text("utf8"))
    assert scores["rnn_translator_ter"] == 0.0
    assert scores["rnn_translator_chrf"] == 100.0
    assert scores["rnn_translator_token_perplexity"] < 1.2
    comparison = scores["comparison"]["rnn_translator_chrf"]
    assert comparison["score"] == comparison["other"]
    assert re.search(r"Signature of BLEU\s+nrefs:1", done.stdout.decode("utf8"))
    samples = json.loads((tmp_path / "samples.json").read_text("utf8"))
    assert [each["translation"] for each in samples] == [target for _, target in PAIRS]
    alignment = samples[1]["alignment"]
    assert alignment["source"] == ["gelb", "blau"]
    assert len(alignment["weights"]) == len(alignment["target"])
    assert all(0.7 < sum(row) < 1.001 for row in alignment["weights"])


def test_evaluation_in_no_batches_is_refused(model, tmp_path):
    (tmp_path / "test.tsv").write_text("rot\tred\n", "utf8")
    done = run("evaluate", model, tmp_path / "test.tsv", "--batch-size", "0")
    assert done.returncode == 1
    assert "batch_size is 0" in done.stderr.decode("utf8")


def test_evaluation_needs_references(model):
    nlp, translator = load_translator(model)
    plain = [Example(nlp.make_doc("rot"), nlp.make_doc("rot"))]
    with pytest.raises(ValueError, match="have no translations"):
        evaluate(nlp, [translator.name], plain)


def test_files_of_translators_are_filled(model, tmp_path):
    source, target = tmp_path / "a.xlf", tmp_path / "b.xlf"
    unit = '<trans-unit id="1"><source><g id="1">gelb blau</g></source>{}</trans-unit>'
    text = (
        '<xliff version="1.2"><file source-language="de" target-language="en"><body>'
        f"{unit.format('')}</body></file></xliff>"
    )
    source.write_text(text, encoding="utf8")
    done = run("translate", model, source, "--output", target, "--beam-width", "2")
    assert done.returncode == 0, done.stderr
    assert (done.stdout, b"Units translated: 1" in done.stderr) == (b"", True)
    attributes = 'state="needs-review-translation" state-qualifier="mt-suggestion"'
    written = f'<target {attributes}><g id="1">yellow blue</g></target>'
    assert target.read_text("utf8") == text.replace(unit.format(""), unit.format(written))
    catalogue = b'#, fuzzy\nmsgid "rot"\nmsgstr "%s"\n'
    stdin = catalogue % b""
    done = run("translate", model, "--format", "po", "--target-lang", "en", stdin=stdin)
    assert (done.returncode, done.stdout) == (0, catalogue % b"red")
    assert source.read_text("utf8") == text
    lines = tmp_path / "lines.en.gz"
    done = run("translate", model, "-t", "rot", "-t", "blau", "-o", lines)
    assert (done.stdout, gzip.decompress(lines.read_bytes())) == (b"", b"red\nblue\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("a.po", "--table"), "--table does not go with a file that is filled"),
        (("a.po", "--n-best", "2"), "--n-best does not go with a file that is filled"),
        (("-t", "rot", "--overwrite"), "--overwrite is for files of translators"),
        (("a.po",), "There is no file 'a.po': correct the path"),
        (("--format", "tmx", "--target-lang", "en"), "Standard input, line 1: no well-formed XML"),
        (("b.po", "-o", "b.po"), "b.po would be replaced"),
    ],
)
def test_files_of_translators_are_refused(model, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.po").write_text("")
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO()))
    monkeypatch.setattr("sys.argv", ["spacy", "translate", str(model), *options])
    with pytest.raises(SystemExit) as exit_info:
        app(prog_name="rnn")
    assert exit_info.value.code == 1
    assert message in capsys.readouterr().err


def test_documents_with_markup_come_back_with_their_tags(model, tmp_path):
    page = '<meta charset="latin1">\n<p title=rot><b>gelb blau</b></p><!-- \xfc -->'
    path = tmp_path / "page.html"
    path.write_bytes(page.encode("latin1"))
    done = run("translate", model, path, "--markup", "html", "--attribute", "title")
    assert done.returncode == 0, done.stderr
    translated = page.replace("gelb", "yellow").replace("blau", "blue").replace("rot", '"red"')
    assert done.stdout == translated.encode("latin1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--attribute", "alt"], b"--attribute needs --markup: leave it out"),
        (["--markup", "html", "--table"], b"--table does not go with --markup: leave it out"),
        (["--markup", "rtf"], b'markup is "rtf", but has to be one of "html", "xml"'),
    ],
)
def test_options_that_do_not_go_with_markup_are_refused(options, message):
    done = run("translate", "no_model", *options)
    assert done.returncode == 1
    assert message in done.stderr
