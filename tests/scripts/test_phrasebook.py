"""The phrasebook is whole, honest about what it holds out, and made by its script."""

import gzip
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import spacy
from make_phrasebook import compose
from phrasebook.english import write
from phrasebook.sentences import read_sentences

ROOT = Path(__file__).parents[2]
PARTS = ("train", "dev", "test")
TAGS = {"ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN"}
TAGS |= {"NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "VERB"}
# "You" to which no German word answers.
POLITENESS = "(thank|see|bless) you|you('re| are) (very )?welcome|enjoy your"
POLITENESS += "|do you (say|call|spell|pronounce)"
LABELS = {"PERSON", "GPE", "TIME", "DATE", "MONEY", "CARDINAL"}


FOLDER = ROOT / "assets" / "phrasebook"


@pytest.fixture(scope="module")
def written():
    """What is committed, uncompressed."""
    train = gzip.decompress((FOLDER / "train.jsonl.gz").read_bytes())
    return {"train": train} | {
        part: (FOLDER / f"{part}.jsonl").read_bytes() for part in ("dev", "test")
    }


@pytest.fixture(scope="module")
def corpus(written):
    return {
        part: [json.loads(line) for line in lines.decode("utf8").splitlines()]
        for part, lines in written.items()
    }


@pytest.fixture(scope="module")
def everything(corpus):
    return [record for part in PARTS for record in corpus[part]]


@pytest.fixture(scope="module")
def composed(corpus):
    return compose({part: len(records) for part, records in corpus.items()})


def test_entities_are_the_same_in_both_languages(composed):
    merged = 0
    for record in (record for records in composed.values() for record in records):
        text, entities = json.loads(record.to_json())["text"], record.translation_entities
        labels = sorted(label for _, _, label in write(list(record.words))[1])
        assert sorted(label for _, _, label in entities) == labels
        for start, end, label in entities:
            entity = record.translation[start:end]
            assert entity == entity.strip(" .,?!")
            if label == "PERSON":
                assert entity in text
                merged += " " in entity
    assert merged


def test_the_committed_files_are_what_the_script_writes(composed, written):
    for part, records in composed.items():
        lines = "".join(record.to_json() + "\n" for record in records)
        assert written[part] == lines.encode("utf8")


def test_half_the_sentences_are_as_spoken_and_some_as_typed(corpus):
    """With the short forms of auxiliaries, and without a capital or a full stop."""
    texts = [record["text"] for record in corpus["train"]]
    assert 0.05 < sum("'" in text.replace("o'clock", "") for text in texts) / len(texts) < 0.5
    assert 0.05 < sum(text[-1].isalnum() for text in texts) / len(texts) < 0.2


def test_no_sentence_is_in_two_places(corpus, everything):
    """No source twice; a translation of several sources is in one part alone."""
    sources = [record["text"] for record in everything]
    assert len(sources) == len(set(sources))
    for first, second in combinations(PARTS, 2):
        for field in ("text", "translation"):
            ours, theirs = (
                {record[field].casefold() for record in corpus[part]} for part in (first, second)
            )
            assert not ours & theirs


def test_held_out_pairs_are_absent_from_train(composed):
    """Each sentence of dev and test has two words together that no other part has."""
    pairs = {
        part: {pair for record in records for pair in record.pairs}
        for part, records in composed.items()
    }
    for part, other in (("dev", "test"), ("test", "dev")):
        for record in composed[part]:
            assert record.pairs - pairs["train"] - pairs[other], record.text


def test_another_seed_makes_another_book(composed):
    other = {record.text for record in compose({"train": 700}, seed=1)["train"]}
    assert len(other) == 700
    assert len(other & {record.text for record in composed["train"]}) < 350


def test_words_and_sentences_of_dev_and_test_are_known(composed):
    forms = Counter(form for record in composed["train"] for form in record.forms)
    sentences = Counter(record.sentence for record in composed["train"])
    for part in ("dev", "test"):
        for record in composed[part]:
            assert min(forms[form] for form in record.forms) >= 3
            assert record.sentence.slots
    unused = [sentence for sentence in read_sentences() if not sentences[sentence]]
    assert len(unused) <= 5


def test_tokens_tags_and_entities_are_those_of_spacy(everything):
    nlp = spacy.blank("en")
    seen = set()
    for record in everything:
        doc = nlp.make_doc(record["text"])
        assert [token.text for token in doc] == record["tokens"]
        assert len(record["tags"]) == len(doc)
        assert set(record["tags"]) <= TAGS
        for start, end, label in record["entities"]:
            assert doc.char_span(start, end) is not None, record
            seen.add(label)
    assert seen == LABELS


def test_entities_are_whole_names_and_times(everything):
    found = {
        (record["text"][start:end], label)
        for record in everything
        for start, end, label in record["entities"]
    }
    assert found >= {
        ("Anna", "PERSON"),
        ("Vienna", "GPE"),
        ("half past five", "TIME"),
        ("Monday", "DATE"),
        ("2.50 euros", "MONEY"),
        ("three", "CARDINAL"),
    }
    assert not [text for text, _ in found if text.split()[0] in ("on", "at", "to", "in", "my")]


def test_size_and_balance(corpus, everything):
    assert len(corpus["train"]) >= 4000
    assert [len(corpus[part]) for part in ("dev", "test")] == [300, 300]
    for part in PARTS:
        intents = Counter(record["intent"] for record in corpus[part])
        assert len(intents) == 17
        assert all(0.03 <= count / len(corpus[part]) <= 0.2 for count in intents.values())
    lengths = [sum(tag != "PUNCT" for tag in record["tags"]) for record in everything]
    assert min(lengths) == 1
    assert max(lengths) <= 18
    assert 5 <= sum(lengths) / len(lengths) <= 7
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 1_500_000


def test_german_looks_like_german(everything):
    """No left-over slots, doubled words or contractions that were missed."""
    for record in everything:
        text = record["translation"]
        assert not re.search(r"[\[\]{}|@]|  | [,.?!]|\b(?!WLAN)[A-Z]{3,}", text), text
        assert not re.search(r"\b(zu dem|zu der|von dem|bei dem|an dem|in das)\b", text), text
        assert not re.search(r"\bin dem\b", text.replace(", in dem", "")), text
        assert not re.search(r"\b(?!das)(\w+) \1\b", f"{text} {record['text']}"), text
        assert text[0].isupper() or text[0].isdigit()
        assert record["tags"][-1] != "PUNCT" or text[-1] == record["text"][-1]


def test_formal_and_informal_address(everything):
    """German says "du" where the English sentence names a friend, and nowhere else."""
    for record in everything:
        english = re.sub(POLITENESS, "", record["text"], flags=re.IGNORECASE)
        you = re.search(r"\byour?\b", english, re.IGNORECASE)
        informal = re.search(r"\b([Dd]u|[Dd]ich|[Dd]ir|[Dd]ein\w*)\b", record["translation"])
        friend = re.search(r", [A-Z][a-z]+([.?!,]|$)", record["text"])
        if informal:
            assert you, record["text"]
            assert friend, record["text"]
        if you and not friend:
            assert re.search(r"\b(Sie|Ihnen|Ihr\w*)\b", record["translation"]), record["text"]


def test_everyday_sentences_are_a_test_apart(corpus):
    """They are a hundred, each with its translations, and the phrasebook has made few of them."""
    lines = (FOLDER / "everyday.jsonl").read_text(encoding="utf8").splitlines()
    everyday = [json.loads(line) for line in lines]
    assert len({record["text"] for record in everyday}) == len(everyday) == 100
    assert all(record["translation"] and all(record["translation"]) for record in everyday)
    made = {record["text"] for record in corpus["train"]}
    assert sum(record["text"] in made for record in everyday) <= 40
