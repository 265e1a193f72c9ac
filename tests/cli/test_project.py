"""Annotated corpora of another language, made by a translator."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from toy_translator import TEXTS, make_pipeline, make_texts, train
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.pipeline.translator.projection import project

SOURCES = [*TEXTS, "eins", "zwei", "fünf vier", "- eins zwei\n\n1. vier\tfünf drei \n"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A translator, and a component that annotates what the corpus does not have."""
    path = tmp_path_factory.mktemp("model")
    nlp = make_pipeline()
    train(nlp)
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "RULE", "pattern": "zwei"}])
    nlp.to_disk(path)
    return path


def annotate(nlp) -> list[Doc]:
    docs = [nlp.make_doc(text) for text in SOURCES]
    for number, doc in enumerate(docs):
        doc.set_ents([Span(doc, 0, 1, label="FIRST")])
        doc.spans["last"] = [Span(doc, len(doc) - 1, len(doc), label="LAST")]
        doc.cats = {"even": float(number % 2 == 0)}
    return docs


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.spacy"
    DocBin(docs=annotate(spacy.blank("de"))).to_disk(path)
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["project", *map(str, arguments)])


def read(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def describe(doc):
    groups = {name: list(map(place, group)) for name, group in doc.spans.items()}
    return doc.text, list(map(place, doc.ents)), groups, doc.cats


def place(span):
    return span.start_char, span.end_char, span.text, span.label_


def project_each(model):
    nlp = spacy.load(model, exclude=["entity_ruler"])
    return [project(nlp(doc), spacy.blank("en").make_doc) for doc in annotate(nlp)]


def test_corpus_is_translated_with_its_annotations(model, corpus, tmp_path):
    output = tmp_path / "new" / "output.spacy"
    output.parent.mkdir()
    result = run(model, corpus, output, "--lang", "en")
    assert result.exit_code == 0, result.output
    found = [describe(doc) for doc in read(output)]
    targets = project_each(model)
    assert found == [describe(target) for target in targets]
    # A text of one word leaves no choice.
    word, projected = dict(make_texts())["vier"], found[SOURCES.index("vier")]
    first, last = (0, len(word), word, "FIRST"), (0, len(word), word, "LAST")
    assert projected == (word, [first], {"last": [last]}, {"even": 0.0})
    # What is copied is where it is in the text.
    text, entities, groups, *_ = found[-1]
    assert entities[0] == (0, 1, "-", "FIRST")
    assert groups["last"] == [(len(text) - 1, len(text), "\n", "LAST")]
    lacking = sum(len(target._.unprojected) for target in targets)
    assert (f"{lacking} of {2 * len(SOURCES)}" in result.output) == (lacking > 0)
    assert f"Documents written to {output}: {len(SOURCES)}" in " ".join(result.output.split())


def test_texts_can_be_skipped_whose_spans_have_no_place(model, corpus, tmp_path):
    output = tmp_path / "output.spacy"
    assert run(model, corpus, output, "--on-unprojected", "skip").exit_code == 0
    whole = [target for target in project_each(model) if not target._.unprojected]
    assert 0 < len(whole) < len(SOURCES)
    assert [doc.text for doc in read(output)] == [target.text for target in whole]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{corpus}"], "would be replaced"),
        (["out.json"], "does not end with .spacy"),
        (["out.spacy", "--lang", "zz"], "a language that spaCy does not have"),
        (["out.spacy", "--on-unprojected", "drop"], "on_unprojected"),
        (["out.spacy", "--limit", "-1"], "limit"),
        (["out.spacy", "--component", "other"], "rnn_translator"),
    ],
)
def test_wrong_settings_are_refused(model, corpus, arguments, message, tmp_path):
    arguments = [each.format(corpus=corpus) for each in arguments]
    if not arguments[0].startswith("/"):
        arguments[0] = str(tmp_path / arguments[0])
    before = corpus.read_bytes()
    result = run(model, corpus, *arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())
    assert corpus.read_bytes() == before


def test_corpus_without_texts_is_refused(model, tmp_path):
    blank = spacy.blank("de")
    path = tmp_path / "corpus.spacy"
    DocBin(docs=[blank.make_doc(" ")]).to_disk(path)
    result = run(model, path, tmp_path / "output.spacy")
    assert result.exit_code == 1
    assert "no text to write" in " ".join(result.output.split())
    assert not (tmp_path / "output.spacy").exists()
