"""Corpora of a teacher's translations, and the students that learn from them."""

import math

import pytest
import spacy
import srsly
from sacrebleu.metrics import BLEU, CHRF
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Corpus, Example
from spacy.util import fix_random_seed
from thinc.api import Adam
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.cli.corpora import open_corpus
from spacy_rnn.cli.distill import distill
from spacy_rnn.extensions import ensure_extension
from spacy_rnn.generation.search import SamplingSearch
from spacy_rnn.metrics.translation import score_translations
from spacy_rnn.training import parts
from spacy_rnn.training.atomic import replace_json

PAIRS = [
    ("rot", "red"),
    ("gelb blau", "yellow blue"),
    ("blau rot gelb", "blue red yellow"),
    ("gelb", "yellow"),
    ("blau blau", "blue blue"),
    ("rot gelb blau", "red yellow blue"),
    ("blau gelb", "blue yellow"),
]
SETTINGS = {
    "encoder": {"embed_width": 16, "network": {"width": 16}},
    "attention": {"width": 16},
    "decoder": {"embed_width": 16, "readout_width": 16, "network": {"width": 16}},
}


def make_examples(nlp, pairs=PAIRS, attr="translation"):
    ensure_extension(attr)
    examples = []
    for source, target in pairs:
        reference = nlp.make_doc(source)
        reference._.set(attr, target)
        examples.append(Example(nlp.make_doc(source), reference))
    return examples


def make_translator(seed=0, steps=25, vocab_size=280):
    """Make a translator that knows a little: its n best differ."""
    fix_random_seed(seed)
    nlp = spacy.blank("de")
    nlp.add_pipe("rnn_translator", config={"vocab_size": vocab_size, "model": SETTINGS})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(scope="module")
def teacher():
    return make_translator()


@pytest.fixture(scope="module")
def stored(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher")
    teacher.to_disk(path)
    return path


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), "utf8")
    return path


def run(*arguments, command="distill"):
    return CliRunner().invoke(app, [command, *map(str, arguments)])


def read_pairs(path, attr="translation"):
    docs = DocBin().from_disk(path).get_docs(spacy.blank("de").vocab)
    return [(doc.text, doc._.get(attr)) for doc in docs]


def translate(nlp, n_best, **settings):
    """Translate all sources, one by one: the n best of each."""
    settings = {"rnn_translator": {"n_best": n_best, "beam_width": 5, **settings}}
    docs = [next(nlp.pipe([source], component_cfg=settings)) for source, _ in PAIRS]
    return [doc._.translations for doc in docs]


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_the_translation_closest_to_the_reference_is_kept(stored, teacher, corpus, metric):
    output = corpus.with_name("out.spacy")
    result = run(stored, corpus, output, "--metric", metric, "--n-best", "4", "--batch-size", "2")
    assert result.exit_code == 0, result.output
    scorer = BLEU(effective_order=True) if metric == "bleu" else CHRF()
    expected = []
    for (source, target), translations in zip(PAIRS, translate(teacher, 4), strict=True):
        best_text, best_score = None, -1.0
        for translation in translations:
            score = scorer.sentence_score(translation["text"], [target]).score
            if score > best_score:
                best_text, best_score = translation["text"], score
        expected.append((source, best_text))
    assert read_pairs(output) == expected
    first = [translations[0]["text"] for translations in translate(teacher, 1)]
    assert [text for _, text in expected] != first


def test_the_best_translation_is_kept_beside_the_reference(stored, teacher, corpus):
    output = corpus.with_name("out.spacy")
    options = ("--keep", "best", "--with-reference", "--threads", "2")
    result = run(stored, corpus, output, *options)
    assert result.exit_code == 0, result.output
    expected = []
    for (source, target), translations in zip(PAIRS, translate(teacher, 1), strict=True):
        expected += [(source, target), (source, translations[0]["text"])]
    assert read_pairs(output) == expected


def test_all_translations_are_kept_in_proportion_to_their_probabilities(stored, teacher, corpus):
    output = corpus.with_name("out.spacy")
    result = run(stored, corpus, output, "--keep", "all", "--beam-width", "5", "-n", "3")
    assert result.exit_code == 0, result.output
    pairs = read_pairs(output)
    assert len(pairs) == 5 * 3
    for (source, _), translations in zip(PAIRS[:3], translate(teacher, 5), strict=False):
        texts = [text for each, text in pairs if each == source]
        probabilities = [math.exp(sum(each["piece_scores"])) for each in translations]
        for translation, probability in zip(translations, probabilities, strict=True):
            share = 5 * probability / sum(probabilities)
            assert abs(texts.count(translation["text"]) - share) < 1
        assert texts == sorted(texts, key=[each["text"] for each in translations].index)


@pytest.mark.parametrize("keep", ["closest", "all"])
def test_an_interrupted_distillation_goes_on_to_the_same_bytes(teacher, corpus, keep, monkeypatch):
    translator = teacher.get_pipe("rnn_translator")
    read = open_corpus(teacher, str(corpus), [], "translation")
    options = {"keep": keep, "batch_size": 2, "with_reference": True}
    whole, output = corpus.with_name("whole.spacy"), corpus.with_name("out.spacy")
    distill(teacher, translator, read, whole, **options)
    assert list(corpus.parent.iterdir()) == [corpus, whole]

    translated = []

    def pipe(docs, as_tuples=False, **settings):
        for each in type(teacher).pipe(teacher, docs, as_tuples=as_tuples, **settings):
            if not as_tuples:  # Tuples come from a call of the same method without.
                translated.append(each.text)
            yield each

    states = []

    def interrupt(path, state):
        states.append(state["count"])
        if len(states) == 3:
            raise KeyboardInterrupt
        replace_json(path, state)

    monkeypatch.setattr(parts, "replace_json", interrupt)
    monkeypatch.setitem(vars(teacher), "pipe", pipe)
    with pytest.raises(KeyboardInterrupt):
        distill(teacher, translator, read, output, **options)
    assert not output.exists()
    assert translated == [source for source, _ in PAIRS[:6]]
    translated.clear()
    assert distill(teacher, translator, read, output, **options) == len(read_pairs(whole))
    assert translated == [source for source, _ in PAIRS[4:]]
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(corpus.parent.iterdir()) == sorted([corpus, whole, output])


@pytest.mark.parametrize("interrupted", [0, 2])
def test_an_interruption_says_how_much_is_stored(stored, corpus, interrupted, monkeypatch):
    def interrupt(path, state):
        if state["count"] > interrupted:
            raise KeyboardInterrupt
        replace_json(path, state)

    monkeypatch.setattr(parts, "replace_json", interrupt)
    arguments = (stored, corpus, corpus.with_name("out.spacy"), "--keep", "best", "-b", "2")
    result = run(*arguments)
    assert result.exit_code in (130, 1)  # 1 with older versions of typer.
    texts = 2 * interrupted
    message = f"Interrupted: {texts} of 7 texts are stored. The same command goes on"
    assert message in result.stdout
    monkeypatch.undo()
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert (f"Going on after {texts} of 7 texts" in result.stdout) == bool(texts)


def test_parts_of_anything_else_are_refused(stored, teacher, corpus, monkeypatch):
    translator, output = teacher.get_pipe("rnn_translator"), corpus.with_name("out.spacy")
    read = open_corpus(teacher, str(corpus), [], "translation")
    monkeypatch.setattr(parts.PartialCorpus, "join", lambda self: self.count)
    assert distill(teacher, translator, read, output, batch_size=2) == 4
    for change, message in [
        ({"keep": "all"}, "keep was 'closest' and is 'all'"),
        ({"metric": "chrf"}, "metric was 'bleu' and is 'chrf'"),
        ({"beam_width": 7}, "search was "),
        ({"with_reference": True}, "with_reference was False and is True"),
        ({"batch_size": 3}, "batch_size was 2 and is 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            distill(teacher, translator, read, output, **{"batch_size": 2, **change})
    other = make_translator(seed=1, steps=1)
    with pytest.raises(ValueError, match="teacher was "):
        distill(other, other.get_pipe("rnn_translator"), read, output, batch_size=2)
    corpus.write_text("rot\tred\ngelb blau\tyellow\n", "utf8")
    with pytest.raises(ValueError, match="2 documents of 3 words, where there were 7 documents"):
        distill(teacher, translator, read, output, batch_size=2)
    (output.with_name("out.spacy.parts") / "state.json").write_text("{", "utf8")
    result = run(stored, corpus, output)
    assert (result.exit_code, "is damaged: delete " in result.stderr) == (1, True)


@Language.component("mute")
def mute(doc):
    """Empty the translations of one text."""
    if doc.text == "gelb":
        doc._.translations = [{**each, "text": " "} for each in doc._.translations]
    return doc


def test_what_has_no_translation_is_left_out_and_counted(teacher, corpus, capsys):
    nlp = spacy.blank("de", vocab=teacher.vocab)
    translator = nlp.add_pipe("rnn_translator", source=teacher)
    nlp.add_pipe("mute")
    with corpus.open("a", encoding="utf8") as file:
        file.write(" \tgreen\n")
    read = open_corpus(nlp, str(corpus), [], "translation")
    output = corpus.with_name("out.spacy")
    assert distill(nlp, translator, read, output, silent=False) == len(PAIRS) - 1
    sources = [source for source, _ in read_pairs(output)]
    assert sources == [source for source, _ in PAIRS if source != "gelb"]
    printed = capsys.readouterr().out
    assert "Texts whose translations are all empty, which were left out: 1" in printed
    assert "Texts of white space alone, which were left out: 1" in printed


def test_texts_without_references_are_distilled_or_refused(stored, corpus):
    lines = corpus.with_name("lines.txt")
    lines.write_text("rot\nblau\n", "utf8")
    output = corpus.with_name("out.spacy")
    for options, message in [
        ((), "2 of 2 texts have no reference in doc._.translation, which --keep closest needs"),
        (
            ("--keep", "best", "--with-reference"),
            "which --with-reference needs: name the attribute that holds them with --attr (there "
            "is none), or leave that out",
        ),
    ]:
        result = run(stored, lines, output, *options)
        assert (result.exit_code, message in result.stderr) == (1, True)
    result = run(stored, lines, output, "--keep", "best")
    assert result.exit_code == 0, result.stderr
    assert [source for source, _ in read_pairs(output)] == ["rot", "blau"]


def test_the_attribute_of_a_corpus_may_have_another_name(stored, corpus):
    own, output = corpus.with_name("own.spacy"), corpus.with_name("out.spacy")
    examples = make_examples(spacy.blank("de"), attr="german")
    docs = [example.reference for example in examples]
    DocBin(docs=docs, store_user_data=True).to_disk(own)
    result = run(stored, own, output)
    assert (result.exit_code, "--attr (there is german)" in result.stderr) == (1, True)
    result = run(stored, own, output, "--attr", "german")
    assert result.exit_code == 0, result.stderr
    assert [source for source, _ in read_pairs(output, "german")] == [s for s, _ in PAIRS]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", "worst"], 'keep is "worst", but has to be one of "closest", "best", "all"'),
        (["--metric", "ter"], 'metric is "ter"'),
        (["--n-best", "0"], "n_best is 0"),
        (["--n-best", "3", "--beam-width", "2"], "n_best is 3"),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--threads", "0"], "threads is 0"),
        (["--limit", "-1"], "limit is -1"),
        (["--component", "nobody"], "The translators of "),
    ],
)
def test_wrong_options_say_what_is_right(stored, corpus, options, message):
    result = run(stored, corpus, corpus.with_name("out.spacy"), *options)
    assert (result.exit_code, message in result.stderr) == (1, True), result.stderr
    assert list(corpus.parent.iterdir()) == [corpus]


def test_a_teacher_has_to_translate(corpus, tmp_path):
    spacy.blank("de").to_disk(tmp_path / "blank")
    result = run(tmp_path / "blank", corpus, tmp_path / "out.spacy")
    assert (result.exit_code, ": none. Name one" in result.stderr) == (1, True)


def test_samples_have_to_be_the_same_after_an_interruption(teacher, corpus, monkeypatch):
    translator = teacher.get_pipe("rnn_translator")
    monkeypatch.setattr(translator, "search", SamplingSearch(n_best=5))
    read = open_corpus(teacher, str(corpus), [], "translation")
    with pytest.raises(ValueError, match="set its seed"):
        distill(teacher, translator, read, corpus.with_name("out.spacy"))


def test_a_student_has_a_vocabulary_of_its_own(stored, teacher, corpus):
    output = corpus.with_name("out.spacy")
    assert run(stored, corpus, output, "--keep", "best").exit_code == 0
    student = spacy.blank("de")
    settings = {"vocab_size": 275, "model": SETTINGS}
    translator = student.add_pipe("rnn_translator", config=settings)
    examples = list(Corpus(output)(student))
    student.initialize(lambda: examples)
    ours = teacher.get_pipe("rnn_translator").target_subwords
    assert translator.target_subwords != ours
    optimizer = Adam(0.01)
    losses = [student.update(examples, sgd=optimizer)["rnn_translator"] for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.fixture(scope="module")
def stored_together(stored, tmp_path_factory):
    """Store another teacher; give its path, and both together."""
    path = tmp_path_factory.mktemp("second")
    make_translator(seed=1).to_disk(path)
    both = spacy.load(stored)
    translator = both.get_pipe("rnn_translator")
    translator.set_ensemble([spacy.load(path).get_pipe("rnn_translator")])
    return path, both


def test_commands_take_ensembles(stored, teacher, stored_together, corpus, run_python):
    second, both = stored_together
    output, scores = corpus.with_name("out.spacy"), corpus.with_name("scores.json")
    expected = [translations[0]["text"] for translations in translate(both, 1)]
    together = ("--ensemble", second)
    result = run(stored, corpus, output, "--keep", "best", *together)
    assert result.exit_code == 0, result.output
    assert [text for _, text in read_pairs(output)] == expected
    printed = run_python("-m", "spacy", "rnn", "translate", stored, corpus, *together)
    assert printed.splitlines() == expected
    assert [translations[0]["text"] for translations in translate(teacher, 1)] != expected
    result = run(stored, corpus, *together, "--output", scores, command="evaluate")
    assert result.exit_code == 0, result.output
    pairs = [(text, [target]) for text, (_, target) in zip(expected, PAIRS, strict=True)]
    stored_scores = srsly.read_json(scores)
    chrf = score_translations(pairs)["chrf"]
    assert stored_scores["rnn_translator_chrf"] == pytest.approx(chrf)
    examples = make_examples(both)
    own = both.get_pipe("rnn_translator").score(examples)["rnn_translator_token_perplexity"]
    assert stored_scores["rnn_translator_token_perplexity"] == pytest.approx(own)


def test_parts_of_another_ensemble_are_refused(stored_together, corpus, monkeypatch):
    _, both = stored_together
    translator, output = both.get_pipe("rnn_translator"), corpus.with_name("out.spacy")
    read = open_corpus(both, str(corpus), [], "translation")
    monkeypatch.setattr(parts.PartialCorpus, "join", lambda self: self.count)
    distill(both, translator, read, output)
    monkeypatch.setattr(translator, "ensemble", ())
    with pytest.raises(ValueError, match="ensemble was "):
        distill(both, translator, read, output)


@pytest.mark.parametrize("command", ["distill", "translate", "evaluate"])
def test_an_ensemble_of_other_vocabularies_names_the_one(stored, corpus, tmp_path, command):
    other = tmp_path / "other"
    make_translator(steps=0, vocab_size=279).to_disk(other)
    output = [tmp_path / "out.spacy"] if command == "distill" else []
    result = run(stored, corpus, *output, "--ensemble", other, command=command)
    assert result.exit_code == 1
    assert f"{other} cannot join the ensemble" in result.stderr
    assert "279 pieces where there are 280" in result.stderr
