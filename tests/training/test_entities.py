"""White space at the ends of entities."""

import spacy
from spacy.tokens import Doc, Span

from spacy_rnn.training.entities import trim_entities

WORDS = ["\n", "Anna", "\n", "Bob", "\n", "x", " ", "y"]


def test_what_is_taken_off_is_outside_and_all_else_stays():
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    edged = Span(doc, 0, 3, "PERSON", kb_id="Q1", span_id="id1")
    doc.set_ents([edged, Span(doc, 4, 5, "SHIP"), Span(doc, 5, 8, "PLACE")], default="missing")
    assert trim_entities(doc) == 2
    found = [(entity.start, entity.end, entity.label_) for entity in doc.ents]
    assert found == [(1, 2, "PERSON"), (5, 8, "PLACE")]
    assert (doc.ents[0].kb_id_, doc.ents[0].id_) == ("Q1", "id1")
    assert [token.ent_iob_ for token in doc] == ["O", "B", "O", "", "O", "B", "I", "I"]
    assert trim_entities(doc) == 0


def test_blocked_tokens_stay_blocked():
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    doc.set_ents([Span(doc, 0, 2, "PERSON")], blocked=[doc[3:4]])
    trim_entities(doc)
    assert [token.ent_iob_ for token in doc][:4] == ["O", "B", "O", "B"]
    assert doc[3].ent_type_ == ""
