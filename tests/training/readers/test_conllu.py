"""Treebanks: their text is what was written, their labels are whole."""

import pytest
import spacy

from spacy_rnn.cli.convert import convert
from spacy_rnn.training.examples import read_docs, read_examples

GERMAN = """\
# text = Im Haus schläft sie.
1-2 Im _ _ _ _ _ _ _ _
1 In in ADP _ _ 3 case _ _
2 dem der DET _ _ 3 det _ _
3 Haus Haus NOUN _ _ 4 obl _ _
4 schläft schlafen VERB _ _ 0 root _ _
4.1 wer wer PRON _ _ _ _ _ _
5 sie sie PRON _ _ 4 nsubj _ SpaceAfter=No
6 . . PUNCT _ _ 4 punct _ _
"""
ENGLISH = """\
# text = "Don't," gonna.
1 " " PUNCT `` _ 2 punct _ SpaceAfter=No
2-3 Don't _ _ _ _ _ _ _ SpaceAfter=No
2 Do do AUX VB _ 0 root _ _
3 n't not PART RB _ 2 advmod _ _
4 , , PUNCT , _ 2 punct _ SpaceAfter=No
5 " " PUNCT '' _ 2 punct _ _
6-7 gonna _ _ _ _ _ _ _ SpaceAfter=No
6 gon go VERB VBG _ 2 dep _ Lemma=1|SpaceAfter=No
7 na to PART TO _ 6 dep _ _
8 . . PUNCT . _ 2 punct _ _
"""
SPANISH = """\
# text = dámelo del lado
1-3 dámelo _ _ _ _ _ _ _ _
1 da dar VERB _ _ 0 root _ _
2 me yo PRON _ _ 1 iobj _ _
3 lo él PRON _ _ 1 obj _ _
4-5 del _ _ _ _ _ _ _ _
4 de de ADP _ _ 6 case _ _
5 el el DET _ _ 6 det _ _
6 lado lado NOUN _ _ 1 obl _ _
"""
TURKISH = """\
# text = bahçedeki
1-2 bahçedeki _ _ _ _ _ _ _ SpaceAfter=No
1 bahçede bahçe NOUN _ _ 0 root _ _
2 ki ki ADP _ _ 1 case _ _
"""


def write(path, *sentences):
    path.write_text("\n".join(text.replace(" ", "\t") for text in sentences), encoding="utf8")
    return path


def restore(text):
    """Undo the tabs in a comment, which are spaces there."""
    return text.splitlines()[0].removeprefix("# text = ")


@pytest.mark.parametrize(
    ("lang", "sentence", "merge", "tokens"),
    [
        ("de", GERMAN, "auto", "Im/ADP Haus/NOUN schläft/VERB sie/PRON ./PUNCT"),
        ("de", GERMAN, "needed", "Im/ADP Haus/NOUN schläft/VERB sie/PRON ./PUNCT"),
        (
            "en",
            ENGLISH,
            "auto",
            '"/PUNCT Do/AUX n\'t/PART ,/PUNCT "/PUNCT gon/VERB na/PART ./PUNCT',
        ),
        ("en", ENGLISH, "always", '"/PUNCT Don\'t/AUX ,/PUNCT "/PUNCT gonna/VERB ./PUNCT'),
        ("es", SPANISH, "auto", "dámelo/VERB del/ADP lado/NOUN"),
        ("tr", TURKISH, "auto", "bahçedeki/NOUN"),
        ("tr", TURKISH, "needed", "bahçede/NOUN ki/ADP"),
    ],
)
def test_text_is_what_was_written(tmp_path, lang, sentence, merge, tokens):
    nlp = spacy.blank(lang)
    path = write(tmp_path / "a.conllu", sentence, sentence)
    docs = list(read_docs(nlp, path, merge_subtokens=merge))
    assert [doc.text.strip() for doc in docs] == [restore(sentence)] * 2
    for doc in docs:
        assert " ".join(f"{token.text}/{token.pos_}" for token in doc) == tokens


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [("de", GERMAN), ("en", ENGLISH), ("es", SPANISH), ("tr", TURKISH)],
)
def test_every_token_that_a_pipeline_sees_is_taught(tmp_path, lang, sentence):
    (example,) = read_examples(spacy.blank(lang), write(tmp_path / "a.conllu", sentence))
    assert None not in example.get_aligned("POS")


def test_the_choice_reaches_the_command(tmp_path):
    path = write(tmp_path / "a.conllu", TURKISH)
    for merge, count in (("auto", 1), ("needed", 2)):
        output = tmp_path / f"{merge}.spacy"
        convert(path, None, output, lang="tr", merge_subtokens=merge)
        (doc,) = read_docs(spacy.blank("tr"), output)
        assert len(doc) == count
    with pytest.raises(ValueError, match='merge_subtokens is "no", but has to be one of "auto"'):
        convert(path, None, tmp_path / "no.spacy", merge_subtokens="no")


@pytest.mark.parametrize(
    ("miscs", "entities"),
    [
        (["name=B-Person", "name=I-Person", "O", "name=B-event"], ["Ann Lee/Person", "now/event"]),
        (["NER=B-LOC", "NER=I-LOC", "NER=O", "_"], ["Ann Lee/LOC"]),
        (["ner=S-a-b:c_1", "_", "NE=U-X", "x=y|B-é"], ["Ann/a-b:c_1", "met/X", "now/é"]),
        (["B-A", "L-A", "B-A", "E-A"], ["Ann Lee/A", "met now/A"]),
    ],
)
def test_labels_of_entities_are_whole(tmp_path, miscs, entities):
    lines = [
        f"{number} {word} _ X _ _ 0 dep _ {misc}"
        for number, (word, misc) in enumerate(
            zip(["Ann", "Lee", "met", "now"], miscs, strict=True), 1
        )
    ]
    path = write(tmp_path / "a.conllu", "\n".join(lines) + "\n")
    warnings = []
    (doc,) = read_docs(spacy.blank("en"), path, warn=warnings.append)
    assert [f"{entity.text}/{entity.label_}" for entity in doc.ents] == entities
    assert warnings == []


def test_entities_under_another_key_are_not_lost_in_silence(tmp_path):
    lines = ["1 Ann _ X _ _ 0 dep _ Type=B-PER|Gloss=I", "2 met _ X _ _ 0 dep _ Type=O|Gloss=B-x"]
    path = write(tmp_path / "a.conllu", "\n".join(lines) + "\n")
    warnings = []
    (doc,) = read_docs(spacy.blank("en"), path, warn=warnings.append)
    assert not doc.ents
    (warning,) = warnings
    assert "Type in the column MISC seems to hold entities" in warning


def test_malformed_lines_are_named(tmp_path):
    path = tmp_path / "a.conllu"
    path.write_text("# a comment\n1\tAnn\tAnn\tPROPN\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"a\.conllu, line 2: 4 columns .* CoNLL-U has 10"):
        list(read_docs(spacy.blank("en"), path))


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_files_without_sentences_have_no_documents(tmp_path, text):
    (tmp_path / "a.conllu").write_text(text, encoding="utf8")
    assert list(read_docs(spacy.blank("en"), tmp_path / "a.conllu")) == []


def test_blank_lines_and_line_ends_do_not_matter(tmp_path):
    text = GERMAN.replace(" ", "\t")
    (tmp_path / "a.conllu").write_bytes(
        f"\ufeff\n\n{text}\n\n\n{text}".replace("\n", "\r\n").encode()
    )
    docs = list(read_docs(spacy.blank("de"), tmp_path / "a.conllu"))
    assert [doc.text.strip() for doc in docs] == [restore(GERMAN)] * 2
