"""Texts as training examples."""

import gzip
import json

import pytest
import spacy
from spacy.util import registry

from spacy_rnn.training.texts import create_text_corpus_v1

NLP = spacy.blank("en")
LINES = ["one two", "", "three", "  ", "", "four", "five"]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf8")
    return path


def read(*args, **settings):
    corpus = create_text_corpus_v1(*args, **settings)
    first = [example.reference.text for example in corpus(NLP)]
    assert [example.predicted.text for example in corpus(NLP)] == first
    return first


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["one two", "three", "four", "five"]),
        ({"document": "paragraph"}, ["one two", "three", "four\nfive"]),
        ({"document": "file"}, ["\n".join(LINES)]),
        ({"limit": 2}, ["one two", "three"]),
    ],
)
def test_lines_become_documents(path, settings, expected):
    assert read(path, **settings) == expected


def test_formats(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "one", "meta": {"title": "two"}}) + "\n", "utf8"
    )
    (tmp_path / "b.tsv").write_text("one\ttwo\n", "utf8")
    with gzip.open(tmp_path / "c.txt.gz", "wt") as file:
        file.write("one\n")
    assert read(tmp_path / "a.jsonl") == ["one"]
    assert read(tmp_path / "a.jsonl", field="meta.title") == ["two"]
    assert read(tmp_path / "b.tsv") == ["one"]
    assert read(tmp_path / "b.tsv", field=1) == ["two"]
    assert read(tmp_path / "c.txt.gz") == ["one"]


def test_faults_are_named(path, tmp_path):
    with pytest.raises(ValueError, match="has no columns: set field = null"):
        create_text_corpus_v1(path, field="text")
    with pytest.raises(ValueError, match='document is "page"'):
        create_text_corpus_v1(path, document="page")
    with pytest.raises(ValueError, match="limit is -1"):
        create_text_corpus_v1(path, limit=-1)
    with pytest.raises(ValueError, match="path is null"):
        create_text_corpus_v1(None)
    with pytest.raises(ValueError, match="There is no file"):
        create_text_corpus_v1(tmp_path / "nothing.txt")
    with pytest.raises(ValueError, match="subset is 'en' but split is null"):
        create_text_corpus_v1(path, subset="en")
    with pytest.raises(ValueError, match="which has no split 'train': set split = null"):
        create_text_corpus_v1(path, split="train")
    path.write_bytes(b"good\nb\xffd\n")
    with pytest.raises(ValueError, match="line 2: bytes that are not UTF-8"):
        read(path)
    (tmp_path / "a.jsonl").write_text('{"other": 1}\n', "utf8")
    with pytest.raises(ValueError, match="field = 'text' is no column"):
        read(tmp_path / "a.jsonl")


def test_it_is_registered():
    assert registry.readers.get("spacy-rnn.TextCorpus.v1") is create_text_corpus_v1
