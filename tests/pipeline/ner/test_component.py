"""The entity recognizer, beyond what holds for each component."""

import random
import warnings
from itertools import product

import numpy as np
import pytest
import spacy
import torch
from contract_samples import SAMPLES, TOK2VEC, make_pipeline, train
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed
from stock_pipelines import copy_pipeline
from thinc.api import Adam

from spacy_rnn.architectures.crf import best_labels
from spacy_rnn.nn.crf.biluo import OUT, find_spans
from spacy_rnn.pipeline.ner.gold import (
    ANY_TAG,
    Unlearnable,
    allow_preset,
    count_unlearnable,
    gold_tags,
)
from spacy_rnn.training.entities import trim_entities

SAMPLE = SAMPLES["ner"]
WORDS = "Anna saw Ben in Berlin ."
TEXTS = ["Anna saw Ben", "saw Oslo", "in Berlin Anna"]


@pytest.fixture(scope="module")
def trained():
    fix_random_seed(0)
    return train(SAMPLE)


@pytest.fixture
def nlp(trained):
    return trained


@pytest.fixture
def component(nlp):
    return nlp.get_pipe("rnn_ner")


def entities(doc):
    return [(entity.start, entity.end, entity.label_) for entity in doc.ents]


def all_sets(words, labels, start=0):
    """Give all sets of entities that so many words may have."""
    if start == words:
        yield ()
        return
    for rest in all_sets(words, labels, start + 1):
        yield rest
    for end, label in product(range(start + 1, words + 1), labels):
        for rest in all_sets(words, labels, end):
            yield ((start, end, label), *rest)


def test_probabilities_are_exact(nlp, component):
    """All sets of entities are found, with probabilities that sum up to 1.

    Those of the sets that have an entity sum up to its confidence.
    """
    untrained = train(SAMPLE, steps=3)  # One that is not sure of anything.
    everything = set(all_sets(3, component.labels))
    settings = {"rnn_ner": {"n_best": len(everything) + 5}}
    doc = untrained("Anna saw Ben", component_cfg=settings)
    found = {each["entities"]: each["probability"] for each in doc._.ents_nbest}
    assert found.keys() == everything
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-4)
    for doc in untrained.pipe(TEXTS, component_cfg=settings):
        assert tuple(entities(doc)) == doc._.ents_nbest[0]["entities"]
        for entity in doc.ents:
            triple = (entity.start, entity.end, entity.label_)
            sets = [each for each in doc._.ents_nbest if triple in each["entities"]]
            total = sum(each["probability"] for each in sets)
            assert entity._.confidence == pytest.approx(total, abs=1e-4)


def test_confidences_are_left_out_where_they_are_not_asked_for(nlp):
    doc = nlp(WORDS, component_cfg={"rnn_ner": {"confidence": False}})
    assert len(doc.ents) == 3
    assert {entity._.confidence for entity in doc.ents} == {None}
    assert doc._.ents_nbest is None


def test_of_no_words_there_is_one_set_if_several_are_asked_for(nlp):
    assert nlp("")._.ents_nbest is None
    doc = nlp("", component_cfg={"rnn_ner": {"n_best": 2}})
    assert doc._.ents_nbest == [{"probability": 1.0, "entities": ()}]
    (certain,) = nlp("  ", component_cfg={"rnn_ner": {"n_best": 2}})._.ents_nbest
    assert 0.999 < certain["probability"] <= 1.0


@pytest.mark.parametrize("n_best", [0, -1])
def test_wrong_settings_are_an_error(nlp, n_best):
    with pytest.raises(ValueError, match=f"n_best is {n_best}"):
        nlp(WORDS, component_cfg={"rnn_ner": {"n_best": n_best}})
    with pytest.raises(ValueError, match=f"n_best is {n_best}"):
        spacy.blank("en").add_pipe("rnn_ner", config={"n_best": n_best})


def test_entities_that_are_set_stay_and_their_ids_too(nlp):
    doc = nlp.make_doc(WORDS)
    known = Span(doc, 1, 3, label="PLACE", kb_id="Q1", span_id="id1")
    other = Span(doc, 4, 5, label="SHIP", kb_id="Q2")
    doc.set_ents([known, other], default="missing")
    (doc,) = nlp.pipe([doc])
    assert entities(doc) == [(0, 1, "PERSON"), (1, 3, "PLACE"), (4, 5, "SHIP")]
    assert [entity.kb_id_ for entity in doc.ents] == ["", "Q1", "Q2"]
    assert [entity.ent_id_ for entity in doc.ents] == ["", "id1", ""]
    # How probable they are is what found them to say.
    assert [entity._.confidence for entity in doc.ents][1:] == [None, None]
    (confidence, *_) = [entity._.confidence for entity in doc.ents]
    nlp.get_pipe("rnn_ner")(doc)
    assert doc.ents[0]._.confidence == confidence
    assert {token.ent_iob_ for token in doc} == {"B", "I", "O"}


def test_the_type_of_an_entity_that_is_set_is_that_of_its_first_token(nlp):
    """As spaCy has it, whatever its other tokens say."""
    doc = nlp.make_doc(WORDS)
    doc.set_ents([Span(doc, 1, 3, "PLACE"), Span(doc, 4, 6, "SHIP")], default="missing")
    for token in (doc[2], doc[5]):
        token.ent_type_ = "PERSON"
    known = entities(doc)
    types = {doc.vocab.strings["PLACE"]: 0, doc.vocab.strings["SHIP"]: 1}
    tags = gold_tags([Example(nlp.make_doc(WORDS), doc.copy())], types)
    assert tags.tolist() == [ANY_TAG, 1, 3, ANY_TAG, 5, 7]
    assert entities(nlp.get_pipe("rnn_ner")(doc))[1:] == known == [(1, 3, "PLACE"), (4, 6, "SHIP")]


def test_a_model_without_a_crf_is_refused():
    model = {"@architectures": "spacy-rnn.Tagger.v1", "output": "softmax", "tok2vec": TOK2VEC}
    with pytest.raises(ValueError, match='model of "rnn_ner" has no CRF'):
        spacy.blank("en").add_pipe("rnn_ner", config={"model": model})


def test_blocked_tokens_are_in_no_entity(nlp):
    doc = nlp.make_doc(WORDS)
    doc.set_ents([], blocked=[doc[0:1]], default="missing")
    (doc,) = nlp.pipe([doc])
    assert entities(doc) == [(2, 3, "PERSON"), (4, 5, "PLACE")]
    assert doc[0].ent_iob_ == "B"


def test_what_is_set_counts_for_what_is_around(nlp):
    """Stock spaCy finds entities where a ruler before it found none; so does this."""
    doc = nlp.make_doc(WORDS)
    doc.set_ents([], default="outside")
    assert entities(next(nlp.pipe([doc]))) == entities(nlp(WORDS))


def test_each_set_of_best_sets_keeps_what_is_set(nlp):
    doc = nlp.make_doc(WORDS)
    doc.set_ents([Span(doc, 1, 3, label="PLACE")], default="missing")
    (doc,) = nlp.pipe([doc], component_cfg={"rnn_ner": {"n_best": 20}})
    assert len(doc._.ents_nbest) == 20
    assert all((1, 3, "PLACE") in each["entities"] for each in doc._.ents_nbest)


def test_entities_respect_white_space_and_sentences(component):
    """Whatever the scores are."""
    nlp = train(SAMPLE, steps=0)
    doc = Doc(nlp.vocab, words=["Anna", "\n", "saw", "Ben", " ", "here", "now", "\n"])
    for token in doc:
        token.is_sent_start = token.i in (0, 3)
    allowed = allow_preset([doc], component._types, component._n_tags)
    crf = component.model.get_ref("crf")
    random = np.random.default_rng(0)
    for _ in range(50):
        scores = random.normal(0, 3, (len(doc), component._n_tags)).astype("f")
        scores[:, 0] -= 5
        tags = best_labels(crf, [scores], allowed)
        for start, end, _ in zip(*find_spans(tags), strict=True):
            span = doc[start:end]
            assert not span[0].is_space
            assert not span[-1].is_space
            assert not any(token.is_sent_start for token in span[1:])


def random_reference(nlp, generator):
    """Annotate words at random, some of them not, with white space among them."""
    words = [generator.choice(["Anna", "Oslo", "\n", "saw", "'s"]) for _ in range(8)]
    doc = Doc(nlp.vocab, words=words, spaces=[generator.random() < 0.5 for _ in words])
    spans, missing, blocked = [], [], []
    start = 0
    while start < len(doc):
        span = Span(doc, start, generator.randint(start + 1, len(doc)), label="PERSON")
        kind = generator.choice(["out", "entity", "missing", "blocked"])
        if kind == "entity":
            spans.append(span)
        elif kind == "missing":
            missing.append(span)
        elif kind == "blocked":
            blocked.append(span)
        start = span.end
    doc.set_ents(spans, missing=missing, blocked=blocked)
    return doc


def test_gold_is_read_as_spacy_reads_it(nlp, component):
    """The short way, for the same tokens, and the long one, for others.

    But for white space at the ends of entities.
    """
    generator = random.Random(0)
    names = ["O", *(f"{kind}-{label}" for label in component.labels for kind in "BILU")]
    for _ in range(200):
        reference = random_reference(nlp, generator)
        same = Doc(
            nlp.vocab,
            words=[token.text for token in reference],
            spaces=[bool(token.whitespace_) for token in reference],
        )
        for predicted in (same, nlp.make_doc(reference.text)):
            example = Example(predicted, reference)
            trimmed = reference.copy()
            trim_entities(trimmed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = Example(predicted, trimmed).get_aligned_ner()
                tags = gold_tags([example], component._types)
            assert [None if tag == ANY_TAG else names[tag] for tag in tags] == expected


def test_what_does_not_align_is_not_known(nlp):
    copy = copy_pipeline(nlp)
    words, spaces = ["Anna", "saw", "Ber", "lin"], [True, True, False, False]
    reference = Doc(nlp.vocab, words=words, spaces=spaces)
    reference.set_ents([Span(reference, 2, 3, label="PLACE")])
    example = Example(copy.make_doc("Anna saw Berlin"), reference)
    assert gold_tags([example], copy.get_pipe("rnn_ner")._types).tolist() == [0, 0, ANY_TAG]
    with pytest.warns(UserWarning, match="1 that do not begin and end with tokens, left out"):
        copy.update([example], sgd=Adam(0.001))


WITH_SPACE = ["the", "\n", "Anna", "\n", "saw", "\n", "it"]


def make_edged(nlp, *spans, words=WITH_SPACE):
    """Make an example of entities that may have white space at their ends."""
    reference = Doc(nlp.vocab, words=WITH_SPACE, spaces=[False] * 7)
    reference.set_ents([Span(reference, *span, "PERSON") for span in spans])
    return Example(Doc(nlp.vocab, words=words, spaces=[False] * len(words)), reference)


@pytest.mark.parametrize(
    "words",
    [WITH_SPACE, ["th", "e", *WITH_SPACE[1:]]],
    ids=["same tokens", "other tokens"],
)
def test_white_space_at_the_ends_of_gold_entities_is_outside(nlp, component, words):
    examples = [
        make_edged(nlp, *spans, words=words)
        for spans in (
            [(1, 4)],
            [(1, 3)],
            [(2, 4), (5, 6)],
            [(3, 7)],
            [(1, 2), (2, 3), (3, 4)],
        )
    ]
    person = 1 + 4 * component.labels.index("PERSON")
    names = {OUT: "O"} | {person + index: kind for index, kind in enumerate("BILU")}
    found = [
        "".join(names[tag] for tag in gold_tags([example], component._types)[-6:])
        for example in examples
    ]
    assert found == ["OUOOOO", "OUOOOO", "OUOOOO", "OOOBIL", "OUOOOO"]
    assert count_unlearnable(examples) == Unlearnable(trimmed=4, blank=3)


def test_gold_entities_across_sentences_are_not_known(nlp, component):
    examples = [make_edged(nlp, (0, 1), (2, 5)), make_edged(nlp, (3, 5), (6, 7))]
    for example in examples:
        for token in example.predicted:
            token.is_sent_start = token.i in (0, 4)
    types = component._types
    tags = [(gold_tags([example], types) > OUT).astype(int).tolist() for example in examples]
    assert gold_tags(examples[:1], types).tolist()[1:] == [OUT, *[ANY_TAG] * 3, OUT, OUT]
    # What is before the first word of a sentence may be white space of the entity.
    assert tags == [[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 1]]
    assert count_unlearnable(examples) == Unlearnable(trimmed=1, divided=1)


def test_gold_is_what_prediction_allows(nlp, component):
    """Whatever is annotated: no tag is taught that no document ever gets."""
    generator = random.Random(0)
    for _ in range(200):
        reference = random_reference(nlp, generator)
        predicted = Doc(nlp.vocab, words=[token.text for token in reference])
        for token in predicted:
            token.is_sent_start = generator.random() < 0.3
        tags = gold_tags([Example(predicted, reference)], component._types)
        allowed = allow_preset([predicted], component._types, component._n_tags)
        known = tags != ANY_TAG
        assert allowed is None or allowed[known, tags[known]].all()


@pytest.mark.parametrize("labels", [None, ["PERSON"]], ids=["from data", "given"])
def test_entities_with_white_space_are_learnt_without_it(labels):
    """And said to be so once, with their number, and scored so."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    recognizer = nlp.add_pipe("rnn_ner", config=SAMPLE.config)
    examples = [
        Example.from_dict(
            nlp.make_doc(f"Name: {name}\nAge: 7"),
            {
                "entities": [
                    (6, 7 + len(name), "PERSON"),
                    (7 + len(name), 10 + len(name), "PERSON"),
                ]
            },
        )
        for name in ("Anna", "Bob", "Eve", "Mary")
    ]
    message = '"rnn_ner" .* have entities 4 with white space at an end, learnt without it'
    if labels is None:
        with pytest.warns(UserWarning, match=message):
            nlp.initialize(lambda: examples)
    else:
        recognizer.initialize(lambda: make_clean(nlp), labels=labels)
        with pytest.warns(UserWarning, match=message):
            nlp.update(examples, sgd=Adam(0.0))
    optimizer = Adam(0.01)
    with warnings.catch_warnings(action="error"):
        for _ in range(30):
            nlp.update(examples, sgd=optimizer)
    assert entities(nlp("Name: Anna\nAge: 7")) == [(2, 3, "PERSON"), (4, 5, "PERSON")]
    assert nlp.evaluate(examples)["ents_f"] == 1.0
    assert len(examples[0].reference.ents[0]) == 2  # What is annotated stays as it was.


def make_clean(nlp):
    return [Example.from_dict(nlp.make_doc("Anna"), {"entities": [(0, 4, "PERSON")]})]


def test_a_confidence_is_that_of_a_label(nlp):
    """An entity that is set later, by hand or by a ruler, has none."""
    doc = nlp(WORDS)
    confidence = doc.ents[0]._.confidence
    assert confidence is not None
    doc.ents = [Span(doc, 0, 1, "SHIP"), *doc.ents[1:]]
    assert doc.ents[0]._.confidence is None
    assert doc.ents[1]._.confidence is not None
    doc.ents = [Span(doc, 0, 1, "PERSON")]
    assert doc.ents[0]._.confidence == confidence


def test_a_confidence_goes_with_its_text(nlp):
    first, second = nlp("old cats slept"), nlp(WORDS)
    joined = Doc.from_docs([first, second])
    expected = [entity._.confidence for entity in second.ents]
    assert [entity._.confidence for entity in joined.ents][-3:] == expected
    assert second[2:5].as_doc(copy_user_data=True).ents[0]._.confidence == expected[1]
    stored = Doc(nlp.vocab).from_bytes(second.to_bytes())
    assert [entity._.confidence for entity in stored.ents] == expected


def test_partial_annotation_teaches_what_it_says():
    """Of each text one word alone is annotated, each time another one."""
    fix_random_seed(0)
    nlp = make_pipeline(SAMPLE)
    full = SAMPLE.make_examples(nlp)
    partial = []
    for example in full:
        for token in example.reference:
            reference = example.reference.copy()
            spans = [span for span in reference.ents if span.start <= token.i < span.end]
            outside = [] if spans else [reference[token.i : token.i + 1]]
            reference.set_ents(spans, outside=outside, default="missing")
            partial.append(Example(example.predicted.copy(), reference))
    nlp.initialize(lambda: partial)
    optimizer = Adam(0.01)
    for _ in range(40):
        nlp.update(partial, sgd=optimizer)
    assert nlp.evaluate(full)["ents_f"] > 0.95


def test_a_single_label_is_enough():
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_ner", config=SAMPLE.config)
    examples = []
    for text, ents in [("Anna saw it", [(0, 4, "NAME")]), ("it saw Ben", [(7, 10, "NAME")])]:
        examples.append(Example.from_dict(nlp.make_doc(text), {"entities": ents}))
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(examples)["ents_f"] == 1.0


def test_scores_are_those_of_spacy(nlp):
    scores = nlp.evaluate(SAMPLE.make_examples(nlp))
    assert {"ents_p", "ents_r", "ents_f", "ents_per_type"} <= scores.keys()
    assert nlp.get_pipe_meta("rnn_ner").default_score_weights["ents_f"] == 1.0


def test_a_document_of_twenty_thousand_words_is_read(nlp):
    words = ["the", "old", "bird", "saw", "Ben", "in", "Berlin", "."] * 2500
    doc = Doc(nlp.vocab, words=words)
    (doc,) = nlp.pipe([doc], component_cfg={"rnn_ner": {"confidence": False}})
    assert len(doc.ents) == 5000


def test_weights_that_are_not_numbers_are_an_error(nlp):
    copy = copy_pipeline(nlp)
    network = copy.get_pipe("rnn_ner").model.get_ref("crf").shims[0].network
    with torch.no_grad():
        network.end_transitions.fill_(float("nan"))
    with pytest.raises(ValueError, match="not numbers"):
        copy(WORDS)
