"""From text and records to spaCy's binary format and back."""

import json
import re

import pytest
import spacy
import typer
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_rnn.cli.convert import convert, convert_cli
from spacy_rnn.training import atomic

RECORDS = [
    {
        "text": "Book a room in Rome!",
        "translation": "Buch ein Zimmer in Rom!",
        "tokens": ["Book", "a", "room", "in", "Rome", "!"],
        "tags": ["VERB", "DET", "NOUN", "ADP", "PROPN", "PUNCT"],
        "entities": [[15, 19, "PLACE"]],
        "intent": "book",
    },
    {
        "text": "Hello",
        "translation": "Hallo",
        "tokens": ["Hello"],
        "tags": ["INTJ"],
        "entities": [],
        "intent": "greet",
    },
    {"text": "No notes", "translation": "Keine Notizen"},
]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "made" / "train.spacy"


@pytest.fixture
def write(tmp_path):
    def write(name, *lines):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
        return str(path)

    return write


@pytest.fixture
def write_records(write):
    return lambda *records: write("train.jsonl", *map(json.dumps, records))


@pytest.fixture
def run():
    """Run the command beside another one, as in the app that it is for."""
    app = typer.Typer()
    app.command("convert")(convert_cli)
    app.command("other")(lambda: None)

    def run(*arguments):
        done = CliRunner().invoke(app, ["convert", *map(str, arguments)])
        return done.exit_code, " ".join(done.output.split())

    return run


def read(path):
    """Read the references as spaCy's own reader does."""
    return [example.reference for example in Corpus(path)(spacy.blank("en"))]


def test_text_goes_to_and_fro(write, output):
    english = ["Don't go.", 'a "quoted"\u2028line', "NUL\x00 and tab\t!"]
    german = ["Geh nicht.", 'eine "zitierte"\x85Zeile', "NUL\x00 und Tab\t!"]
    assert convert(write("en", *english), write("de", *german), output) == 3
    docs = read(output)
    assert [doc.text for doc in docs] == english
    assert [doc._.translation for doc in docs] == german
    assert [token.text for token in docs[0]] == ["Do", "n't", "go", "."]
    (example, *_) = Corpus(output)(spacy.blank("en"))
    assert example.predicted._.translation is None


def test_several_references(write, output):
    convert(write("en", "a"), [write("de.0", "A"), write("de.1", "AA")], output)
    assert [list(doc._.translation) for doc in read(output)] == [["A", "AA"]]


def test_sides_are_swapped_with_each_reference(write, output):
    files = write("en", "a cat", "b"), [write("de.0", "z.B. A", "B"), write("de.1", "AA", "BB")]
    convert(*files, output)
    swapped = output.with_name("swapped.spacy")
    assert convert(output, None, swapped, swap=True, lang="de") == 4
    docs = read(swapped)
    assert [(doc.text, doc._.translation) for doc in docs] == [
        ("z.B. A", "a cat"),
        ("AA", "a cat"),
        ("B", "b"),
        ("BB", "b"),
    ]
    assert [token.text for token in docs[0]] == ["z.B.", "A"]
    convert(write("lines.txt", "alone"), None, output, translation=False)
    with pytest.raises(ValueError, match="Document 1, 'alone', has no translation"):
        convert(output, None, swapped, swap=True)


@pytest.mark.parametrize("name", ["lines.txt", "pairs.tsv"])
def test_sides_that_are_not_read_cannot_be_swapped(write, output, name):
    with pytest.raises(ValueError, match="with --no-translation none are read: leave out one"):
        convert(write(name, "a\tA"), None, output, swap=True, translation=False)
    assert not output.exists()


def test_language(write, output):
    files = [write("de", "z.B. hier"), write("en", "e.g. here")]
    convert(*files, output, lang="de")
    assert [token.text for token in read(output)[0]] == ["z.B.", "hier"]
    convert(*files, output, lang="xx")
    assert [token.text for token in read(output)[0]] != ["z.B.", "hier"]


def test_records_are_annotated(write_records, output):
    assert convert(write_records(*RECORDS), None, output) == 3
    room, hello, plain = read(output)
    assert [token.tag_ for token in room] == RECORDS[0]["tags"]
    assert [token.pos_ for token in room] == RECORDS[0]["tags"]
    assert [(ent.text, ent.label_) for ent in room.ents] == [("Rome", "PLACE")]
    assert room.cats == {"book": 1.0, "greet": 0.0}
    assert hello.cats == {"book": 0.0, "greet": 1.0}
    # No entity is known in the one, and nothing is known of the other.
    assert [token.ent_iob_ for token in hello] == ["O"]
    assert [token.ent_iob_ for token in plain] == ["", ""]
    assert not plain.has_annotation("TAG")
    assert plain.cats == {}
    assert [doc._.translation for doc in (room, hello, plain)] == [
        record["translation"] for record in RECORDS
    ]


def test_annotation_can_be_left_out(write_records, output):
    path = write_records({**RECORDS[0], "tags": "a tag of another kind"})
    convert(path, None, output, annotation=False)
    (doc,) = read(output)
    assert not doc.has_annotation("TAG")
    assert not doc.ents
    assert doc.cats == {}


def test_tokens_of_a_record_win(write_records, output):
    record = {
        "text": "ice cream  now",
        "translation": "Eis jetzt",
        "tokens": ["ice cream", " ", "now"],
        "tags": ["NOUN", "SPACE", "ADV"],
    }
    convert(write_records(record), None, output)
    (doc,) = read(output)
    assert [token.text for token in doc] == ["ice cream", " ", "now"]
    assert doc.text == record["text"]


def test_tags_without_tokens(write_records, output):
    convert(write_records({**RECORDS[1], "tokens": None}), None, output)
    assert [token.tag_ for token in read(output)[0]] == ["INTJ"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": ["Bye"]}, r"tokens \['Bye'\] are not those of 'Hello'"),
        ({"tags": ["INTJ", "PUNCT"]}, r"2 tags for the 1 tokens \['Hello'\]: write one for each"),
        ({"tags": ["GREETING"]}, "GREETING"),
        ({"entities": [[0, 4, "X"]]}, r"entity X at \[0, 4\], 'Hell', .* correct its characters"),
        ({"entities": [[0, 99, "X"]]}, r"entity X at \[0, 99\], 'Hello', does not start"),
        ({"entities": [[0, 5, "X"], [0, 5, "Y"]]}, "E1010"),
        ({"entities": [[0, 5]]}, r"entity \[0, 5\] is not \[start_char, end_char, label\]"),
        ({"entities": "PLACE"}, "entity 'P' is not"),
        ({"entities": 5}, "int"),
        ({"tags": 5}, "int"),
        ({"intent": 3}, "intent is 3: write the name of a category"),
    ],
)
def test_wrong_annotation_is_refused(write_records, output, change, message):
    path = write_records(RECORDS[0], {**RECORDS[1], **change})
    with pytest.raises(ValueError, match=rf"(?s)jsonl, line 2: .*{message}.*--no-annotation"):
        convert(path, None, output)
    assert not output.exists()


def test_white_space_is_taken_off_the_ends_of_entities(run, write_records, output):
    text = " Anna met\nBob  "
    spans = [[0, 6, "X"], [10, 13, "X"], [13, 15, "X"], [5, 10, "X"]]
    code, printed = run(
        write_records({"text": text, "entities": spans}), "--no-translation", output
    )
    assert code == 0
    (doc,) = read(output)
    assert [entity.text for entity in doc.ents] == ["Anna", "met", "Bob"]
    assert "3 entities began or ended with white space" in " ".join(printed.split())
    again = output.with_name("again.spacy")
    _, printed = run(output, again)
    assert "white space" not in printed


def test_white_space_is_taken_off_the_ends_of_entities_of_documents(run, tmp_path, output):
    doc = Doc(spacy.blank("en").vocab, words=["Anna", "\n", "met", "\n"])
    doc.set_ents([Span(doc, 0, 2, "X"), Span(doc, 3, 4, "X")])
    path = tmp_path / "marked.spacy"
    DocBin(docs=[doc]).to_disk(path)
    _, printed = run(path, output)
    (doc,) = read(output)
    assert [entity.text for entity in doc.ents] == ["Anna"]
    assert "2 entities began or ended with white space" in " ".join(printed.split())


def test_command(run, write, output):
    code, printed = run(write("en", "a", "b"), write("de", "A", "B"), output, "--lang", "en")
    assert code == 0
    assert re.search(r"Documents written to .*train\.spacy: 2", printed)
    assert [doc._.translation for doc in read(output)] == ["A", "B"]
    code, printed = run(
        write("rows.tsv", "1\ta\tA\tAA", "2\tb\tB\tBB"), output, "--source-field", "1",
        "--target-field", "2", "--target-field", "3", "--limit", "1", "--attr", "convert_german",
    )  # fmt: skip
    assert code == 0
    assert [list(doc._.convert_german) for doc in read(output)] == [["A", "AA"]]


def test_quotes_around_paths_are_taken_off(run, write, output):
    """On Windows a project's commands hand them on."""
    code, _ = run(f'"{write("a.tsv", "a" + chr(9) + "A")}"', f'"{output}"')
    assert code == 0
    assert [doc.text for doc in read(output)] == ["a"]


def test_command_takes_all_rules(run, write, output, tmp_path):
    source = write("train.en", "a", "", "abcd", "x", "e", "f")
    target = tmp_path / "train.de"
    target.write_bytes(b"A\nB\nC\n\xff\nE\n")
    choices = ["--on-empty", "--on-invalid-utf8", "--on-too-long", "--on-misaligned"]
    skip = [text for name in choices for text in (name, "skip")]
    code, printed = run(source, target, output, "--max-length", "3", *skip)
    assert code == 0
    for line, rule in enumerate(["on_empty", "on_too_long", "on_invalid_utf8"], 2):
        assert f'1, the first in line {line} ({rule} = "skip")' in printed
    assert '1, the first in line 6 (on_misaligned = "skip")' in printed
    assert [doc.text for doc in read(output)] == ["a", "e"]


def test_text_too_long_for_spacy_can_be_left_out(run, write_records, output):
    """The message names the options that help, and they do."""
    long = {"text": "a" * 1_000_001, "translation": "A"}
    arguments = [write_records(RECORDS[0], long), output]
    for more in ([], ["--no-annotation"]):
        code, printed = run(*arguments, *more)
        assert code == 1
        assert "line 2: 1000001 characters, but spaCy takes 1000000 at most" in printed
        assert "--no-annotation" not in printed
    way_out = re.search(r"leave such pairs out: (.+)", printed)[1]
    code, printed = run(*arguments, *way_out.split())
    assert code == 0
    assert [doc.text for doc in read(output)] == [RECORDS[0]["text"]]


def test_misaligned_lines_can_be_left_out(run, write, output):
    path = write("train.tsv", "a\tA", "A big\tman.\tEin Mann.", "no tab", "b\tB")
    assert run(path, output)[0] == 1
    code, printed = run(path, output, "--on-misaligned", "skip")
    assert code == 0
    assert 'or one too many: 2, the first in line 2 (on_misaligned = "skip")' in printed
    assert [doc._.translation for doc in read(output)] == ["A", "B"]


def test_documents_that_spacy_leaves_out_are_counted(run, write, output):
    files = write("en", "a", ""), write("de", "A", "B")
    code, printed = run(*files, output, "--on-empty", "keep")
    assert code == 0
    assert "Documents without tokens, which spacy.Corpus.v1 leaves out: 1" in printed
    docs = list(DocBin().from_disk(output).get_docs(spacy.blank("en").vocab))
    assert [doc._.translation for doc in docs] == ["A", "B"]
    assert len(read(output)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{en}"], "name the .spacy file to write last"),
        (["{en}", "{en}"], "does not end with .spacy: name the file to write last"),
        (["no.jsonl", "{output}"], "There is no file 'no.jsonl'"),
        (["{en}", "{output}"], "set target to the file of the other side"),
        (["{en}", "{en}", "{output}", "--on-empty", "drop"], "on_empty is 'drop': set it to"),
        (["{en}", "{blank}", "{output}"], "line 1: an empty side: ['a', '']"),
        (["{en}", "{en}", "{output}", "--lang", "qqq"], "qqq"),
        (["{en}", "{en}", "{en}/train.spacy"], "en was not converted"),
    ],
)
def test_command_fails_with_a_message(run, write, output, arguments, message):
    paths = {"en": write("en", "a"), "blank": write("blank", ""), "output": output}
    code, printed = run(*(argument.format(**paths) for argument in arguments))
    assert code == 1
    assert message in printed
    assert "Traceback" not in printed
    assert not output.exists()


def test_a_conversion_that_cannot_be_written_leaves_the_former_one(output, monkeypatch):
    source = output.parent.parent / "lines.txt"
    source.write_text("one\n", encoding="utf8")
    convert(source, None, output, translation=False)
    former = output.read_bytes()

    def fail(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(atomic, "_flush", fail)
    source.write_text("another\n", encoding="utf8")
    with pytest.raises(OSError, match="No space"):
        convert(source, None, output, translation=False)
    assert output.read_bytes() == former
