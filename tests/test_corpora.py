"""Annotated text of other formats as spaCy's own."""

import re
import subprocess
import sys

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

GOOD = "Ann\tB-person\nLee\tI-person\nsaw\tO\nX\tB-person\n\t\n \n~\tO\nOslo\tB-place\n"
WRONG = {
    "I- that continues nothing": ("Ann\tI-person\n", "Line 1: the tag I-person of 'Ann'"),
    "I- of another label": ("A\tB-place\nB\tI-person\n", "Line 2: the tag I-person of 'B'"),
    "no tab": ("Ann B-person\n", "Line 1: 'Ann B-person' is not a token, a tab and a tag"),
    "three columns": ("\nA\tNN\tO\n", "Line 2: "),
    "no such tag": ("A\tL-place\n", "the tag 'L-place' is not O"),
    "no label": ("A\tB-\n", "the tag 'B-' is not O"),
}


@pytest.fixture
def read_bio(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "scripts")
    from read_bio import read_bio

    return read_bio


def test_sentences_are_read(read_bio):
    sentences, repaired = read_bio(GOOD)
    assert repaired == 0
    assert sentences == [
        (["Ann", "Lee", "saw", "X"], ["B-person", "I-person", "O", "B-person"]),
        (["~", "Oslo"], ["O", "B-place"]),
    ]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_lines_are_an_error_that_names_them(read_bio, wrong):
    text, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message):
        read_bio(text)


def test_repaired_tags_begin_an_entity_and_are_counted(read_bio):
    text = "A\tI-x\nB\tI-x\nC\tI-y\nD\tO\nE\tI-y\n\nF\tI-y\n"
    sentences, repaired = read_bio(text, "repair")
    assert repaired == 4
    assert [tags for _, tags in sentences] == [["B-x", "I-x", "B-y", "O", "B-y"], ["B-y"]]


def test_each_format_becomes_a_corpus(root, tmp_path, run_python):
    (tmp_path / "train.conll").write_text("Ann\tI-person\nLee\tI-person\n", encoding="utf8")
    conllu = (
        "1\tOld\told\tADJ\tJJ\t_\t2\tamod\t_\t_\n2\tcats\tcat\tNOUN\tNNS\t_\t0\troot\t_\t_\n\n"
    )
    (tmp_path / "dev.conllu").write_text(conllu, encoding="utf8")
    phrasebook = (root / "assets" / "phrasebook" / "dev.jsonl").read_text(encoding="utf8")
    (tmp_path / "test.jsonl").write_text("\n".join(phrasebook.splitlines()[:3]), encoding="utf8")
    script = root / "scripts" / "make_corpus.py"
    output = run_python(
        script, "train.conll", "dev.conllu", "test.jsonl", "corpus", "--on-conflict", "repair"
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


def test_rules_are_handed_on(root, tmp_path, run_python):
    lines = ["a\tA", "\tB", "no tab", "longer\tC"]
    (tmp_path / "all.tsv").write_text("\n".join(lines), encoding="utf8")
    script = root / "scripts" / "make_corpus.py"
    output = run_python(
        script, *["all.tsv"] * 3, "corpus", "--on-empty", "skip", "--on-misaligned", "skip",
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
def test_faults_end_with_a_message(root, tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf8")
    done = subprocess.run(
        [sys.executable, root / "scripts" / "make_corpus.py", *[name] * 3, "corpus"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.search(f"{name} was not converted.*{message}", " ".join(done.stdout.split()))
    assert "Traceback" not in done.stderr
