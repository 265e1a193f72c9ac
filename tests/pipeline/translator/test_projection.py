"""The translation as a document: annotations projected along the alignment."""

from itertools import combinations

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from toy_translator import SMALL, TEXTS, make_pipeline

from spacy_rnn.extensions import ensure_deferred_extension, ensure_extension
from spacy_rnn.pipeline.translator.projection import (
    find_stretch,
    link_tokens,
    project,
    project_first,
)

SOURCE = "Anna flew from New York to Paris. She was late."
TARGET = "Von New York flog Anna nach Paris. Sie kam zu spät."
# Which token of the source each token of the translation comes from.
LINKS = [2, 3, 4, 1, 0, 5, 6, 7, 8, 9, 10, 10, 11]


@pytest.fixture
def doc() -> Doc:
    ensure_extension("translation")
    ensure_deferred_extension("translations")
    doc = spacy.blank("en")(SOURCE)
    doc._.translation = TARGET
    target = spacy.blank("de")(TARGET)
    doc._.translations = [{"text": TARGET, "alignment": aligned(doc, target, LINKS)}]
    return doc


def aligned(doc, target, links, weight=1.0):
    return [
        {"start": token.idx, "end": token.idx + len(token), "source": positions(doc, link, weight)}
        for token, link in zip(target, links, strict=True)
    ]


def positions(doc, link, weight):
    token = doc[link]
    end = token.idx + len(token)
    return [{"start": token.idx, "end": end, "token": link, "weight": weight}]


def projected(doc) -> Doc:
    return project(doc, spacy.blank("de").make_doc)


def spans_of(doc, *places):
    return [doc.char_span(start, end, label) for start, end, label in places]


def test_entities_and_spans_are_projected(doc):
    doc.ents = spans_of(doc, (0, 4, "PERSON"), (15, 23, "GPE"), (27, 32, "GPE"))
    doc.spans["trip"] = spans_of(doc, (10, 32, "TRIP"), (15, 32, "ROUTE"), (0, 9, "WHO"))
    target = projected(doc)
    assert [(ent.text, ent.label_) for ent in target.ents] == [
        ("New York", "GPE"),
        ("Anna", "PERSON"),
        ("Paris", "GPE"),
    ]
    # "from" is first in German: what is in between belongs to it if most of it does.
    assert [(span.text, span.label_) for span in target.spans["trip"]] == [
        ("Von New York", "TRIP"),
        ("New York", "ROUTE"),
        ("flog Anna", "WHO"),
    ]
    assert target._.unprojected == []


def test_identifiers_of_entities_are_projected(doc):
    start, end = doc[6].idx, doc[6].idx + len(doc[6])
    doc.ents = [doc.char_span(start, end, "GPE", kb_id="Q90", span_id="city")]
    (entity,) = projected(doc).ents
    assert (entity.text, entity.kb_id_, entity.id_) == ("Paris", "Q90", "city")


def test_sentences_and_cats_are_projected(doc):
    doc.cats = {"travel": 0.75}
    assert not projected(doc).has_annotation("SENT_START")
    spacy.blank("en").add_pipe("sentencizer")(doc)
    target = projected(doc)
    assert [sentence.text for sentence in target.sents] == [
        "Von New York flog Anna nach Paris.",
        "Sie kam zu spät.",
    ]
    assert target.cats == {"travel": 0.75}
    assert target.cats is not doc.cats


def test_tokens_know_each_other(doc):
    target = projected(doc)
    assert [token._.source for token in target] == [[link] for link in LINKS]
    for token in doc:
        assert token._.target == [index for index, link in enumerate(LINKS) if link == token.i]


def test_what_has_no_place_is_listed(doc):
    links = [link if link != 6 else 5 for link in LINKS]
    target = spacy.blank("de")(TARGET)
    doc._.translations = [{"text": TARGET, "alignment": aligned(doc, target, links)}]
    doc.ents = spans_of(doc, (0, 4, "PERSON"), (27, 32, "GPE"))
    target = projected(doc)
    assert [ent.text for ent in target.ents] == ["Anna"]
    assert target._.unprojected == [{"start": 27, "end": 32, "label": "GPE"}]


def test_entities_do_not_overlap(doc):
    """Of two entities that a token comes from, the surer one has it."""
    target = spacy.blank("de")(TARGET)
    alignment = aligned(doc, target, LINKS)
    both = [positions(doc, 4, 0.8)[0], positions(doc, 6, 0.7)[0]]
    alignment[2]["source"] = both
    doc._.translations = [{"text": TARGET, "alignment": alignment}]
    doc.ents = spans_of(doc, (15, 23, "A"), (27, 32, "B"))
    assert [(ent.text, ent.label_) for ent in projected(doc).ents] == [
        ("New York", "A"),
        ("Paris", "B"),
    ]


def test_pieces_are_joined_to_tokens(doc):
    """Pieces may begin with a space, and end in the middle of a token."""
    target = spacy.blank("de")("Er flog.")
    alignment = [
        {"start": 0, "end": 2, "source": positions(doc, 0, 1.0)},
        {"start": 2, "end": 5, "source": positions(doc, 1, 0.5) + positions(doc, 0, 0.25)},
        {"start": 5, "end": 8, "source": positions(doc, 2, 0.9)},
    ]
    links = link_tokens(doc, target, alignment)
    expected = np.zeros((3, len(doc)))
    expected[0, 0] = 1
    expected[1, :3] = 0.125, 0.25, 0.45
    expected[2, 2] = 0.9
    np.testing.assert_allclose(links, expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_stretch_is_the_best_of_all(seed):
    gains = np.random.default_rng(seed).integers(-3, 4, seed % 7).astype(float)
    start, end, total = find_stretch(gains)
    places = [(gains[i:j].sum(), i - j) for i, j in combinations(range(len(gains) + 1), 2)]
    best, length = max([*places, (0.0, 0)])
    assert (total, start - end) == (best, length)
    assert gains[start:end].sum() == total


def test_getter_makes_tokens_of_the_language(doc):
    assert project_first("translation", spacy.blank("en")("Hello")) is None
    ensure_extension("translation_lang")
    doc._.translation_lang = "de"
    target = project_first("translation", doc)
    assert target.text == TARGET
    assert target.lang_ == "de"


def test_empty_documents_have_empty_translations():
    ensure_extension("translation")
    ensure_deferred_extension("translations")
    doc = spacy.blank("en")("")
    doc._.translation = ""
    doc._.translations = [{"text": "", "alignment": []}]
    assert len(project_first("translation", doc)) == 0


def test_without_translation_or_alignment_it_says_what_to_do(doc):
    make_doc = spacy.blank("de").make_doc
    with pytest.raises(ValueError, match=r"has 1 translations .* of rank 1 .* higher n_best"):
        project(doc, make_doc, rank=1)
    doc._.translations = [{"text": TARGET}]
    with pytest.raises(ValueError, match=r'no alignment.*set detail .* to "alignments"'):
        project(doc, make_doc)


@pytest.fixture(scope="module")
def translating(trained):
    """A trained translator with a target language."""
    nlp = make_pipeline({**SMALL, "trg_lang": "en"})
    nlp.get_pipe("rnn_translator").from_bytes(trained[0].get_pipe("rnn_translator").to_bytes())
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "FOUR", "pattern": "vier"}])
    return nlp


def summarise(docs):
    docs = [doc._.translation_doc for doc in docs]
    return [
        (doc.lang_, [(ent.text, ent.label_) for ent in doc.ents], [t._.source for t in doc])
        for doc in docs
    ]


def test_translation_is_a_document_after_the_whole_pipeline(translating):
    """What comes after the translator counts as well."""
    docs = list(translating.pipe(TEXTS))
    for doc in docs:
        assert doc._.translation_doc.text == doc._.translation
    found = summarise(docs)
    assert [lang for lang, _, _ in found] == ["en"] * len(TEXTS)
    assert found[0][1] == []
    assert found[1][1] == [("four", "FOUR")]


def test_translation_is_the_same_document_from_a_worker_or_a_file(translating):
    docs = list(translating.pipe(TEXTS))
    expected = summarise(docs)
    assert summarise(translating.pipe(TEXTS, n_process=2, batch_size=2)) == expected
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    loaded = DocBin().from_bytes(stored).get_docs(translating.vocab)
    assert summarise(loaded) == expected


def test_untranslated_documents_have_none():
    make_pipeline()
    assert spacy.blank("de")("eins")._.translation_doc is None


@pytest.mark.parametrize("lang", ["zz", "de_DE", ""])
def test_languages_that_spacy_does_not_have_are_refused(lang):
    with pytest.raises(ValueError, match=rf"trg_lang is '{lang}'.*such as \"de\""):
        make_pipeline({**SMALL, "trg_lang": lang})
