"""Records of tables."""

import pytest
import spacy

from spacy_rnn.training.examples import read_docs
from spacy_rnn.training.parallel import create_parallel_corpus_v1

NLP = spacy.blank("en")
QUOTED = 'text,translation\n"a, b","A ""B""\nC"\n\nd,D\n'


def write(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf8")
    return path


def read_pairs(path, **settings):
    pairs = create_parallel_corpus_v1(path, **settings).pairs()
    return [(pair.number, *pair.sides) for pair in pairs]


@pytest.mark.parametrize("fields", [{}, {"source_field": "0", "target_field": "1"}])
def test_quoted_cells_of_csv(tmp_path, fields):
    path = write(tmp_path, f"\ufeff{QUOTED}".replace("\nd", "\r\nd"))
    pairs = read_pairs(path, on_empty="skip", **fields)
    assert pairs == [(3, "a, b", 'A "B"\nC'), (5, "d", "D")]


def test_classes_in_csv(tmp_path):
    path = write(tmp_path, "label,text\nPOS,a b\nNEG,c\n")
    docs = list(read_docs(NLP, path, translation=False, label_field="label"))
    assert [(doc.text, doc.cats) for doc in docs] == [
        ("a b", {"POS": 1.0, "NEG": 0.0}),
        ("c", {"POS": 0.0, "NEG": 1.0}),
    ]


def test_malformed_csv(tmp_path):
    path = write(tmp_path, "text,translation\na,A\nb\nc,C\n")
    with pytest.raises(ValueError, match=r"line 3: 1 columns where the first row has 2: \['b'\]"):
        read_pairs(path)
    assert read_pairs(path, on_misaligned="skip") == [(2, "a", "A"), (4, "c", "C")]
    path = write(tmp_path, 'text,translation\na,A\n"b"c,C\n')
    with pytest.raises(ValueError, match=r"a\.csv, line 3: correct the quotes,"):
        read_pairs(path)
    path = write(tmp_path, 'text,translation\na,"A\n')
    with pytest.raises(ValueError, match=r"a\.csv, line 2: correct the quotes,"):
        read_pairs(path)
    assert read_pairs(write(tmp_path, "")) == []


def test_cells_that_are_too_long_for_csv(tmp_path):
    path = write(tmp_path, f"text,translation\na,A\n{'a' * 200_000},A\n")
    with pytest.raises(ValueError, match=r"line 3: .* as JSON lines \(field larger than"):
        read_pairs(path)
