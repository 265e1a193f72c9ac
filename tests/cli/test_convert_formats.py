"""Annotated text of other formats as spaCy's own."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_rnn.cli.convert import convert
from spacy_rnn.training.examples import read_examples
from spacy_rnn.training.parallel import create_parallel_corpus_v1
from spacy_rnn.training.texts import create_text_corpus_v1

CONVERT = ("-m", "spacy", "rnn", "convert")


def test_each_format_becomes_a_corpus(root, tmp_path, run_python):
    (tmp_path / "train.conll").write_text("Ann\tI-person\nLee\tI-person\n", encoding="utf8")
    conllu = (
        "1\tOld\told\tADJ\tJJ\t_\t2\tamod\t_\t_\n2\tcats\tcat\tNOUN\tNNS\t_\t0\troot\t_\t_\n\n"
    )
    (tmp_path / "dev.conllu").write_text(conllu, encoding="utf8")
    phrasebook = (root / "assets" / "phrasebook" / "dev.jsonl").read_text(encoding="utf8")
    (tmp_path / "test.jsonl").write_text("\n".join(phrasebook.splitlines()[:3]), encoding="utf8")
    output = "".join(
        run_python(*CONVERT, source, f"corpus/{part}.spacy", "--on-conflict", "repair")
        for part, source in (
            ("train", "train.conll"),
            ("dev", "dev.conllu"),
            ("test", "test.jsonl"),
        )
    )
    assert "1 tags I- that continued nothing were read as B-" in output
    train, dev, test = (
        list(DocBin().from_disk(tmp_path / "corpus" / f"{part}.spacy").get_docs(Vocab()))
        for part in ("train", "dev", "test")
    )
    assert [(entity.text, entity.label_) for entity in train[0].ents] == [("Ann Lee", "person")]
    assert [(token.tag_, token.pos_) for token in dev[0]] == [("JJ", "ADJ"), ("NNS", "NOUN")]
    assert len(test) == 3
    assert all(token.pos_ for doc in test for token in doc)
    assert all(doc.user_data["._.", "translation", None, None] for doc in test)


def test_rules_are_handed_on(tmp_path, run_python):
    lines = ["a\tA", "\tB", "no tab", "longer\tC"]
    (tmp_path / "all.tsv").write_text("\n".join(lines), encoding="utf8")
    output = run_python(
        *CONVERT, "all.tsv", "corpus/dev.spacy", "--on-empty", "skip", "--on-misaligned", "skip",
        "--max-length", "3", "--on-too-long", "skip",
    )  # fmt: skip
    for rule in ("on_empty", "on_misaligned", "on_too_long"):
        assert f'({rule} = "skip")' in output
    docs = list(DocBin().from_disk(tmp_path / "corpus" / "dev.spacy").get_docs(Vocab()))
    assert [doc.text for doc in docs] == ["a"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train.tsv", "a\tA\n\tB\n", 'line 2: an empty side: .* set on_empty to "skip" or "keep"'),
        ("train.conll", "Ann\tI-person\n", "Line 1: the tag I-person of 'Ann'"),
        ("train.conllu", None, "No such file"),
    ],
)
def test_faults_end_with_a_message(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf8")
    done = subprocess.run(
        [sys.executable, *CONVERT, name, "corpus/train.spacy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.search(f"{name} was not converted.*{message}", " ".join(done.stderr.split()))
    assert "Traceback" not in done.stderr


def read(path):
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def test_texts_alone(tmp_path):
    (tmp_path / "a.txt").write_text("one two\nthree\n", encoding="utf8")
    assert convert(tmp_path / "a.txt", None, tmp_path / "a.spacy", translation=False) == 2
    assert [doc.text for doc in read(tmp_path / "a.spacy")] == ["one two", "three"]
    lines = ["text\tlabel", "good\tPOS", "bad\tNEG", "so\tso\tPOS"]
    (tmp_path / "b.tsv").write_text("\n".join(lines), encoding="utf8")
    options = {"translation": False, "source_field": "text", "label_field": "label"}
    with pytest.raises(ValueError, match=r"b\.tsv, line 4: 3 columns where line 1 has 2"):
        convert(tmp_path / "b.tsv", None, tmp_path / "b.spacy", **options)
    convert(tmp_path / "b.tsv", None, tmp_path / "b.spacy", **options, on_misaligned="skip")
    good, bad = read(tmp_path / "b.spacy")
    assert good.cats == {"POS": 1.0, "NEG": 0.0}
    assert bad.cats == {"POS": 0.0, "NEG": 1.0}


def test_format_and_encoding_are_set(tmp_path):
    with gzip.open(tmp_path / "tags.gz", "wt", encoding="latin-1") as file:
        file.write("Zoë\tB-x\n")
    path = tmp_path / "tags.gz"
    with pytest.raises(ValueError, match=r"line 1: bytes that are not utf8: .* Convert the file"):
        convert(path, None, tmp_path / "a.spacy", format="bio")
    convert(path, None, tmp_path / "a.spacy", format="bio", encoding="latin-1")
    (doc,) = read(tmp_path / "a.spacy")
    assert [(entity.text, entity.label_) for entity in doc.ents] == [("Zoë", "x")]
    with pytest.raises(ValueError, match="encoding is 'klingon', which Python does not have"):
        convert(path, None, tmp_path / "a.spacy", format="bio", encoding="klingon")
    with pytest.raises(ValueError, match='format is "xml", but has to be one of "text", "tsv"'):
        convert(path, None, tmp_path / "a.spacy", format="xml")


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("a.bio", {"target_field": ["x"]}, r"annotated tokens .* target_field cannot be \['x'\]"),
        ("a.tsv", {"translation": False, "target_field": ["x"]}, "Leave one of the two out"),
        ("a.tsv", {"held_out": Path("dev.spacy"), "held_out_size": 0}, "held_out_size is 0"),
        ("a.tsv", {"held_out": Path("dev")}, "'dev' does not end with .spacy"),
    ],
)
def test_settings_that_do_not_apply_are_refused(tmp_path, name, settings, message):
    (tmp_path / name).write_text("a\tO\n", encoding="utf8")
    with pytest.raises(ValueError, match=message):
        convert(tmp_path / name, None, tmp_path / "a.spacy", **settings)


def test_annotated_tokens_are_no_texts(tmp_path):
    (tmp_path / "a.conllu").touch()
    for create in (create_parallel_corpus_v1, create_text_corpus_v1):
        with pytest.raises(ValueError, match=r"holds annotated tokens \(CoNLL-U\): convert it"):
            create(tmp_path / "a.conllu")
    with pytest.raises(ValueError, match="without a translation: set target_field if"):
        create_parallel_corpus_v1(tmp_path / "a.conllu", format="labelled")


def test_examples_of_every_format(tmp_path):
    """Without known spaces the predicted tokens are those of the corpus."""
    nlp = spacy.blank("en")
    (tmp_path / "a.bio").write_text("don't\tB-x\n.\tO\n", encoding="utf8")
    (tmp_path / "a.tsv").write_text("don't.\tnicht\n", encoding="utf8")
    (example,) = read_examples(nlp, tmp_path / "a.bio")
    assert [token.text for token in example.predicted] == ["don't", "."]
    assert [entity.label_ for entity in example.reference.ents] == ["x"]
    assert not example.predicted.ents
    convert(tmp_path / "a.tsv", None, tmp_path / "a.spacy")
    for name in ("a.tsv", "a.spacy"):
        (example,) = read_examples(nlp, tmp_path / name)
        assert [token.text for token in example.predicted] == ["do", "n't", "."]
        assert example.reference._.translation == "nicht"
        assert example.predicted._.translation is None
    assert list(read_examples(nlp, tmp_path / "a.spacy", limit=1))
