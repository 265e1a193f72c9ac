"""Scores of each component of this package, by one command."""

import json
import re
from importlib.metadata import entry_points

import pytest
import spacy
from contract_samples import TEXTCAT, TOK2VEC
from spacy.tokens import DocBin
from stock_pipelines import make_examples
from thinc.api import Adam
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.cli.models import FACTORIES

TRANSLATOR = {
    "vocab_size": 300,
    "model": {
        "encoder": {"embed_width": 8, "network": {"width": 8}},
        "attention": {"width": 8},
        "decoder": {"embed_width": 8, "readout_width": 8, "network": {"width": 8}},
    },
    "search": {"max_extra": 5, "max_ratio": 0.0},
}
CONFIGS = {
    "rnn_tagger": {"attr": "pos", "model": {"tok2vec": TOK2VEC}},
    "rnn_ner": {"model": {"tok2vec": TOK2VEC}},
    "rnn_textcat": {"model": TEXTCAT},
    "rnn_lm": {"min_count": 1, "model": {"embed_width": 8, "network": {"width": 8, "depth": 1}}},
    "rnn_translator": TRANSLATOR,
}


def annotate(nlp):
    examples = make_examples(nlp)
    for example in examples:
        for token in example.reference:
            token.pos_ = "NOUN" if token.i % 2 else "VERB"
    return examples


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Store a pipeline with a component of almost each factory, and its training data."""
    path = tmp_path_factory.mktemp("evaluate")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for factory, config in CONFIGS.items():
        nlp.add_pipe(factory, name=factory.replace("rnn_", "my_"), config=config)
    weights = dict.fromkeys(("my_tagger_acc", "my_lm_word_perplexity", "my_translator_bleu"), 1.0)
    nlp.config = nlp.config.merge({"training": {"score_weights": weights}})
    examples = annotate(nlp)
    DocBin(docs=[example.reference for example in examples]).to_disk(path / "plain.spacy")
    for example in examples:
        example.reference._.translation = example.reference.text.upper()
    docs = DocBin(docs=[example.reference for example in examples], store_user_data=True)
    docs.to_disk(path / "all.spacy")
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(path / "model")
    return path


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def evaluate(stored, data, tmp_path, *options):
    output = tmp_path / "new" / "scores.json"
    code, text = run("evaluate", stored / "model", stored / data, "--output", output, *options)
    assert code == 0, text
    return json.loads(output.read_text("utf8")), text


def test_factories_are_all_of_this_package():
    points = entry_points(group="spacy_factories")
    assert set(FACTORIES) == {
        point.name for point in points if point.value.startswith("spacy_rnn.")
    }


def test_all_components_are_scored(stored, tmp_path):
    scores, text = evaluate(stored, "all.spacy", tmp_path)
    nlp = spacy.load(stored / "model")
    (*expected,) = spacy.training.Corpus(stored / "all.spacy")(nlp)
    for name, score in nlp.evaluate(expected).items():
        if not name.startswith(("token_", "sents_")) and name != "speed":
            # srsly writes ten digits.
            assert scores[name] == (pytest.approx(score) if isinstance(score, float) else score)
    assert "sents_f" not in scores
    assert scores["speed"] > 0
    assert scores["sentences_per_second"] > 0
    rows = {
        match[2]: (match[1], match[3])
        for match in re.finditer(r"^(my_\w+|) {2,}(.+?) {2,}(\S+)$", text, re.MULTILINE)
    }
    shown = {
        "POS": ("my_tagger", 100 * scores["pos_acc"]),
        "NER F": ("my_ner", 100 * scores["ents_f"]),
        "TEXTCAT (macro F)": ("my_textcat", 100 * scores["cats_score"]),
        "BLEU": ("my_translator", scores["my_translator_bleu"]),
        "chrF++": ("my_translator", scores["my_translator_chrfpp"]),
        "Bits per character": ("my_lm", scores["my_lm_bits_per_char"]),
    }
    for label, (component, score) in shown.items():
        assert rows[label] == (component, f"{score:.2f}"), label
    assert re.search(r"Signature of TER\s+nrefs:1", text)
    assert "NER (per type)" in text
    assert "Textcat F (per label)" in text


def test_one_component_is_scored_alone(stored, tmp_path):
    scores, text = evaluate(stored, "plain.spacy", tmp_path, "--component", "my_ner")
    assert {"ents_f", "ents_per_type", "speed"} <= scores.keys()
    assert not [name for name in scores if "translator" in name or "lm" in name or "acc" in name]
    assert "my_tagger" not in text


def test_translators_without_references_are_left_out(stored, tmp_path):
    scores, text = evaluate(stored, "plain.spacy", tmp_path)
    assert "my_translator is not scored" in text
    assert "my_lm_word_perplexity" in scores
    assert "my_translator_bleu" not in scores
    code, text = run(
        "evaluate", stored / "model", stored / "plain.spacy", "--component", "my_translator"
    )
    assert code == 1
    assert "no translations in doc._.translation" in " ".join(text.split())


def test_pipelines_are_compared(stored, tmp_path):
    options = ("--against", stored / "model")
    scores, text = evaluate(stored, "all.spacy", tmp_path, *options)
    assert scores["against"]["ents_f"] == scores["ents_f"]
    assert scores["comparison"].keys() >= {"my_translator_bleu", "my_translator_chrfpp"}
    assert scores["comparison"]["my_translator_bleu"]["p"] == 1.0
    (row,) = re.findall(r"^my_ner +NER F +(\S+) +(\S+) *$", text, re.MULTILINE)
    assert row[0] == row[1] == f"{100 * scores['ents_f']:.2f}"
    assert re.search(r"^my_translator +BLEU +\S+ +\S+ +1\.0000$", text, re.MULTILINE)


def test_language_models_read_plain_text_and_generate(stored, tmp_path):
    (tmp_path / "lines.txt").write_text("the old book\nthe bird\n", "utf8")
    output, samples = tmp_path / "scores.json", tmp_path / "samples.json"
    code, text = run(
        *("evaluate", stored / "model", tmp_path / "lines.txt", "--component", "my_lm"),
        *("--output", output, "--samples", samples, "--n-samples", "3"),
    )
    assert code == 0, text
    scores = json.loads(output.read_text("utf8"))
    assert scores["my_lm_word_perplexity"] == pytest.approx(1 / scores["my_lm_inverse_perplexity"])
    generated = json.loads(samples.read_text("utf8"))
    assert len(generated) == 3
    assert all(sample["text"].split(" ")[0] in text for sample in generated)


@pytest.mark.parametrize("suffix", [".conll", ".txt"])
def test_entities_are_read_from_bio_tags(stored, tmp_path, suffix):
    """By the suffix of their files, or by the name of the format."""
    data = tmp_path / f"test{suffix}"
    data.write_text("Zoë\tB-PERSON\nsaw\tO\nBen\tB-PERSON\n.\tO\n\n", "utf8")
    format = ["--format", "bio"] if suffix == ".txt" else []
    output = tmp_path / "scores.json"
    options = ("--component", "my_ner", "--output", output, *format)
    code, text = run("evaluate", stored / "model", data, *options)
    assert code == 0, text
    nlp = spacy.load(stored / "model")
    predicted = {entity.text for entity in nlp("Zoë saw Ben .").ents if entity.label_ == "PERSON"}
    scores = json.loads(output.read_text("utf8"))
    assert scores["ents_r"] == len(predicted & {"Zoë", "Ben"}) / 2


def test_an_ensemble_begins_with_a_translator(stored):
    options = ("--component", "my_ner", "--ensemble", stored / "model")
    code, text = run("evaluate", stored / "model", stored / "all.spacy", *options)
    assert code == 1
    assert f"The translators of {stored / 'model'} are: my_translator. Name one" in text


def test_samples_need_one_component_that_writes(stored, tmp_path):
    options = ("--samples", tmp_path / "samples.json")
    code, text = run("evaluate", stored / "model", stored / "all.spacy", *options)
    assert code == 1
    assert "my_translator, my_lm" in text
    assert "--component" in text


def test_pipelines_of_others_have_nothing_to_score(stored, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "stock")
    code, text = run("evaluate", tmp_path / "stock", stored / "all.spacy")
    assert code == 1
    assert "components of spacy-rnn in" in text
    assert "none" in text


def test_the_scorer_of_the_pipeline_chooses_the_tokenizer(stored, tmp_path):
    """Also for the paired bootstrap."""
    nlp = spacy.load(stored / "model", exclude=["my_tagger", "my_ner", "my_textcat", "my_lm"])
    config = nlp.config.copy()
    config["components"]["my_translator"]["scorer"]["tokenize"] = "char"
    changed = spacy.util.load_model_from_config(config, auto_fill=True)
    changed.from_disk(stored / "model", exclude=["my_tagger", "my_ner", "my_textcat", "my_lm"])
    changed.to_disk(tmp_path / "model")
    output = tmp_path / "scores.json"
    code, text = run(
        *("evaluate", tmp_path / "model", stored / "all.spacy", "--output", output),
        *("--against", stored / "model"),
    )
    assert code == 0, text
    scores = json.loads(output.read_text("utf8"))
    assert "tok:char" in scores["my_translator_bleu_signature"]
    assert "tok:13a" in scores["against"]["my_translator_bleu_signature"]
    comparison = scores["comparison"]["my_translator_bleu"]
    assert comparison["score"] == comparison["other"] == scores["my_translator_bleu"]
