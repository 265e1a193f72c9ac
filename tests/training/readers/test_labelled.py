"""Labelled lines as documents with classes."""

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_rnn.training.examples import read_docs, split_docs


def read(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def test_lines_become_documents_of_a_class(tmp_path, run_python):
    source = tmp_path / "lines.txt"
    lines = [f"DESC:manner How many{number} ?" for number in range(6)] + ["", "HUM:ind Who, Zoë ?"]
    source.write_text("\n".join(lines) + "\n", encoding="latin-1")
    train, held_out = tmp_path / "new" / "train.spacy", tmp_path / "dev.spacy"
    options = ["--encoding", "latin-1", "--held-out", held_out, "--held-out-size", 2]
    run_python(
        "-m", "spacy", "rnn", "convert", source, train, "--format", "labelled", *options
    )  # fmt: skip
    docs = read(train) + read(held_out)
    assert [len(read(train)), len(read(held_out))] == [5, 2]
    assert {doc.text for doc in docs} == {line.split(" ", 1)[1] for line in lines if line}
    (doc,) = (doc for doc in docs if "Zoë" in doc.text)
    assert doc.cats == {"DESC": 0.0, "HUM": 1.0}


def test_the_same_documents_are_held_out():
    parts = [split_docs(list(range(20)), 5) for _ in range(2)]
    assert parts[0] == parts[1]
    assert sorted(parts[0][0] + parts[0][1]) == list(range(20))


def test_a_line_without_a_text_is_refused(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("0 bad\n1\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"line 2 is '1'"):
        list(read_docs(spacy.blank("en"), path, format="labelled"))


def test_something_has_to_be_left():
    with pytest.raises(ValueError, match="3 of 3 documents held out leave none"):
        split_docs([1, 2, 3], 3)
