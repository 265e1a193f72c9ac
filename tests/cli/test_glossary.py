"""Terms and kept text of the command that translates."""

import pytest
import spacy
from toy_translator import make_pipeline, train

from spacy_rnn.cli.glossary import add_glossary
from spacy_rnn.cli.translate import translate_cli


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    nlp = make_pipeline()
    train(nlp)
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


@pytest.fixture
def translate(model, tmp_path):
    """Run the command with its defaults."""

    def run(*texts, **options):
        output = tmp_path / "out.txt"
        defaults = {
            "source": None, "as_table": False, "limit": 0, "component": None, "ensemble": None,
            "output": output, "source_lang": None, "target_lang": None, "overwrite": False,
            "markup": None, "attributes": None, "glossary": None, "translate_all": False,
            "beam_width": None, "n_best": 1, "batch_size": 1000, "threads": None, "detail": None,
            "format": None, "encoding": None, "on_invalid_utf8": "replace", "gpu_id": -1,
        }  # fmt: skip
        translate_cli(str(model), text=list(texts), **{**defaults, **options})
        return output.read_text("utf8").splitlines()

    return run


def write(path, *rows):
    glossary = path / "terms.tsv"
    glossary.write_text("".join(f"{row}\n" for row in rows), "utf8")
    return glossary


def test_a_glossary(translate, tmp_path):
    glossary = write(tmp_path, "zwei\tfour", "drei vier\t!three", "Eins\txyz")
    first, second, third, fourth = translate(
        "eins zwei drei", "Zwei", "drei vier", "eins", glossary=glossary
    )
    assert first.count("four") == second.count("four") == 1
    assert "three" not in third
    assert fourth == "one"


def test_rows_of_one_source_are_forms(model, tmp_path):
    nlp = spacy.load(model)
    add_glossary(
        nlp, nlp.get_pipe("rnn_translator"), write(tmp_path, "zwei\tfour", "zwei\txyz|!abc")
    )
    doc = nlp("eins zwei drei")
    assert [span.id_ for span in doc.spans["terms"]] == ["four|xyz|!abc"]
    assert nlp.pipe_names == ["rnn_translator_glossary", "rnn_translator"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "is empty"),
        (("eins\tone", "zwei"), "line 2"),
        (("eins\t",), "line 1: a column is empty"),
        (("eins\tone|!one",), 'line 1: "one" is to be written and is banned'),
        (("eins\tone", "eins\t!one"), 'the rows of "eins": "one" is to be written and is banned'),
    ],
)
def test_glossaries_that_say_nothing(translate, tmp_path, capsys, rows, message):
    with pytest.raises(SystemExit):
        translate("eins", glossary=write(tmp_path, *rows))
    assert message in capsys.readouterr().err


def test_what_is_no_language_stays(translate):
    kept = ["https://x.org/a?b=1", "anna@example.com", "`a b`", "{name}"]
    lines = translate(*[f"eins {each} drei" for each in kept], *kept)
    assert [line.count(each) for line, each in zip(lines, kept * 2, strict=True)] == [1] * 8
    assert lines[4:] == kept


def test_or_is_translated(translate):
    (line,) = translate("https://x.org/a?b=1", translate_all=True)
    assert line != "https://x.org/a?b=1"
