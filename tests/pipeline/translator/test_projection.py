"""The translation as a document: annotations projected along the alignment."""

from itertools import combinations

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, SpanGroup
from toy_translator import SMALL, TEXTS, make_pipeline

from spacy_rnn.extensions import ensure_deferred_extension, ensure_extension
from spacy_rnn.pipeline.translator.links import Links, link_tokens
from spacy_rnn.pipeline.translator.projection import (
    find_stretch,
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


def to_dense(links, doc):
    dense = np.zeros((links.number, len(doc)))
    dense[links.targets, links.sources] = links.weights
    return dense


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
    assert target._.targets == [
        [index for index, link in enumerate(LINKS) if link == source] for source in range(len(doc))
    ]
    assert not any(key[1] in ("source", "targets") for key in doc.user_data)


def test_what_has_no_place_is_listed(doc):
    links = [link if link != 6 else 5 for link in LINKS]
    target = spacy.blank("de")(TARGET)
    doc._.translations = [{"text": TARGET, "alignment": aligned(doc, target, links)}]
    doc.ents = spans_of(doc, (0, 4, "PERSON"), (27, 32, "GPE"))
    target = projected(doc)
    assert [ent.text for ent in target.ents] == ["Anna"]
    assert target._.unprojected == [{"start": 27, "end": 32, "label": "GPE", "group": None}]
    # So nobody knows whether the others are in an entity.
    assert [token.ent_iob_ for token in target] == [*[""] * 4, "B", *[""] * 8]


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


def test_no_entity_reaches_across_another_one(doc):
    target = spacy.blank("de")(TARGET)
    alignment = aligned(doc, target, LINKS)
    for index in range(5):
        alignment[index]["source"] = positions(doc, 0, 0.25)
    alignment[2]["source"] = positions(doc, 6, 1.0)
    alignment[6]["source"] = positions(doc, 5, 1.0)
    doc._.translations = [{"text": TARGET, "alignment": alignment}]
    doc.ents = spans_of(doc, (0, 4, "PERSON"), (27, 32, "GPE"))
    assert [(ent.start, ent.end, ent.label_) for ent in projected(doc).ents] == [
        (0, 2, "PERSON"),
        (2, 3, "GPE"),
    ]


def test_pieces_are_joined_to_tokens(doc):
    """Pieces may begin with a space, and end in the middle of a token."""
    target = spacy.blank("de")("Er flog.")
    alignment = [
        {"start": 0, "end": 2, "source": positions(doc, 0, 1.0)},
        {"start": 2, "end": 5, "source": positions(doc, 1, 0.5) + positions(doc, 0, 0.25)},
        {"start": 5, "end": 8, "source": positions(doc, 2, 0.9)},
    ]
    links = to_dense(link_tokens(doc, target, {"alignment": alignment}), doc)
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
    for rank in (1, -1):
        with pytest.raises(ValueError, match=rf"rank is {rank}, .* from 0 to 0.* higher n_best"):
            project(doc, make_doc, rank=rank)
    with pytest.raises(ValueError, match=r"english.* translator with the attr 'english'"):
        project(doc, make_doc, attr="english")
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


def test_bytes_of_a_character_count_once(doc):
    target = spacy.blank("de")("漢 x")
    alignment = [
        {"start": 0, "end": 1, "source": positions(doc, number, 1.0)} for number in range(3)
    ] + [{"start": 1, "end": 3, "source": positions(doc, 3, 1.0)}]
    links = to_dense(link_tokens(doc, target, {"alignment": alignment}), doc)
    np.testing.assert_allclose(links[:, :4], [[1 / 3, 1 / 3, 1 / 3, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("seed", range(5))
def test_links_are_those_of_a_dense_computation(seed, doc):
    rng = np.random.default_rng(seed)
    target = spacy.blank("de")(TARGET)
    cuts = np.unique([0, *rng.integers(0, len(TARGET), 20), len(TARGET)]).tolist()
    chances = rng.random((len(cuts) - 1, len(doc))) * (rng.random((len(cuts) - 1, len(doc))) < 0.4)
    alignment = [
        {
            "start": start,
            "end": end,
            "source": [positions(doc, i, w)[0] for i, w in enumerate(row) if w],
        }
        for start, end, row in zip(cuts, cuts[1:], chances.tolist(), strict=False)
    ]
    of_character = np.repeat(chances, np.diff(cuts), axis=0)
    expected = [of_character[token.idx : token.idx + len(token)].mean(0) for token in target]
    links = link_tokens(doc, target, {"alignment": alignment})
    np.testing.assert_allclose(to_dense(links, doc), expected)
    inside = rng.random(len(doc)) < 0.5
    np.testing.assert_allclose(
        links.gains(inside), np.array(expected) @ np.where(inside, 1, -1), atol=1e-12
    )


@pytest.mark.parametrize("seed", range(10))
def test_strong_links_are_those_of_plain_loops(seed):
    rng = np.random.default_rng(seed)
    weights = rng.random((6, 5)) * (rng.random((6, 5)) < 0.5) * rng.choice([0.1, 1], 5)
    expected = set()
    for i, j in np.argwhere(weights).tolist():
        if weights[i, j] >= 0.5 * max(weights[i].max(), weights[:, j].max()):
            expected.add((i, j))
    for j in {*range(5)} - {j for _, j in expected}:
        i = int(weights[:, j].argmax())
        if weights[i, j] >= 0.1:
            expected.add((i, j))
    targets, sources = weights.nonzero()
    kept = Links(targets, sources, weights[targets, sources], 6).keep_strong()
    assert {*zip(kept.targets.tolist(), kept.sources.tolist(), strict=True)} == expected
    assert kept.number == 6


def test_tokens_may_be_merged_and_split_after_translation(doc):
    doc.ents = spans_of(doc, (15, 23, "GPE"), (27, 32, "GPE"))
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[3:5])
        retokenizer.split(doc[1], ["fl", "ew"], heads=[doc[1], doc[1]])
    target = projected(doc)
    assert [ent.text for ent in target.ents] == ["New York", "Paris"]
    assert target[1]._.source == target[2]._.source == [4]


def test_what_was_not_said_of_the_source_is_not_said_of_the_translation(doc):
    doc.set_ents(spans_of(doc, (0, 4, "PERSON")), missing=[doc[5:8]])
    iob = [token.ent_iob_ for token in projected(doc)]
    assert iob == ["O", "O", "O", "O", "B", "", "", "", *["O"] * 5]


def test_scores_of_spans_are_kept_with_them(doc):
    group = SpanGroup(doc, name="sc", spans=spans_of(doc, (0, 4, "A"), (27, 32, "B")))
    group.attrs.update(scores=np.array([0.25, 0.75]), made_by="me")
    doc.spans["sc"] = group
    target = projected(doc)
    assert target.spans["sc"].attrs["scores"].tolist() == [0.25, 0.75]
    alignment = doc._.translations[0]["alignment"]
    alignment[4]["source"] = positions(doc, 1, 1.0)
    doc._.translations = [{"text": TARGET, "alignment": alignment}]
    target = projected(doc)
    assert [span.label_ for span in target.spans["sc"]] == ["B"]
    assert target.spans["sc"].attrs["scores"].tolist() == [0.75]
    assert target.spans["sc"].attrs["made_by"] == "me"
    assert target._.unprojected == [{"start": 0, "end": 4, "label": "A", "group": "sc"}]


def test_what_cannot_be_aligned_is_refused(doc):
    with pytest.raises(ValueError, match=r"make_doc changes the text .* to 'other'"):
        project(doc, lambda text: spacy.blank("de")("other"))
    doc._.translation = "Edited."
    with pytest.raises(ValueError, match=r"was changed after .* translate the document again"):
        project_first("translation", doc)
    alignment = [{"start": 0, "end": 3, "source": []}]
    doc._.translations = [{"text": TARGET, "alignment": alignment}]
    with pytest.raises(ValueError, match=r"no attention.*additive_attention"):
        projected(doc)


def test_tokenizer_that_needs_a_package_names_it(doc, monkeypatch):
    def blank(lang):
        raise ImportError(f"{lang} needs a package")

    monkeypatch.setattr("spacy_rnn.pipeline.translator.projection.spacy.blank", blank)
    doc._.translation_lang = "th"
    with pytest.raises(ImportError, match=r"no tokenizer of 'th': th needs a package\nOr give"):
        project_first("translation", doc)


def test_references_are_no_translated_documents():
    doc = spacy.blank("en")("Hello")
    doc._.translation = "Hallo"
    assert doc._.translation_doc is None


def test_attribute_of_the_users_own_is_named():
    Doc.set_extension("mine_doc", default=None)
    with pytest.warns(UserWarning, match=r"mine_doc is an attribute of your own"):
        make_pipeline({**SMALL, "attr": "mine"})
    Doc.remove_extension("mine_doc")


def test_language_is_that_of_the_last_translator(translating, trained):
    doc = translating("vier")
    assert doc._.translation_lang == "en"
    trained[0].get_pipe("rnn_translator")(doc)
    assert doc._.translation_lang is None
