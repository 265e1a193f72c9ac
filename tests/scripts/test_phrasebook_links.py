"""The links that the phrasebook's grammar knows are right, as far as anything else knows them."""

import re

import pytest
from make_phrasebook import compose
from phrasebook.english import write
from phrasebook.lexicon import read_lexicon
from phrasebook.links import link
from phrasebook.sentences import Filling, read_sentences

# Written by hand: a line of `sentences/`, what fills its slots in turn, its sure links, and some
# that are possible.
SENTENCES = """
{WHO} would like to order {a FOOD DISH}. = my husband, warm, omelette
Mein-My Mann-husband ein-a warmes-warm Omelett-omelette .-.
möchte-would möchte-like bestellen-order bestellen-to

{WHO} {LOSE past} {own@WHO BELONGING}. = we, leave behind, umbrella
Wir-We liegengelassen-left unseren-our Regenschirm-umbrella .-.
haben-left liegengelassen-behind

{DAY} {the VEHICLE} {MOVE@it} at {CLOCK}. = on Monday, bus, arrive, half past seven
Am-On Montag-Monday kommt-arrives der-the Bus-bus halb-half acht-seven .-.
an-arrives um-at halb-past

When must {WHO} {ERRAND} {DAY}? = our children, get up, tonight
Wann-When unsere-our Kinder-children heute-tonight Abend-tonight aufstehen-get ?-?
müssen-must aufstehen-up

{WHO} {like@WHO} {this SOUVENIR}. = Anna, doll
Diese-this Puppe-doll Anna-Anna .-.
gefällt-likes

{WHO} cannot find {the PLACE}. = I, train station
Ich-I den-the Bahnhof-train Bahnhof-station nicht-not .-.
kann-can finden-find
"""


@pytest.fixture(scope="module")
def lexicon():
    return read_lexicon()


@pytest.fixture(scope="module")
def records():
    return compose({"train": 2000})["train"]


@pytest.mark.parametrize("text", SENTENCES.strip().split("\n\n"))
def test_links_written_by_hand(text, lexicon):
    head, sure, possible = text.split("\n")
    source, _, names = head.partition(" = ")
    (sentence,) = [sentence for sentence in read_sentences() if sentence.source == source]
    categories = [lexicon.categories[category] for category in sentence.slots.values()]
    entries = [entries[name] for entries, name in zip(categories, names.split(", "), strict=True)]
    english, translation, _, german = sentence.say(
        Filling(dict(zip(sentence.slots, entries, strict=True)), lexicon)
    )
    links = link(english, translation, german)
    found, accepted = (
        {f"{translation[german[i].start : german[i].end]}-{english[j].text}" for i, j in each}
        for each in (links.sure, links.possible)
    )
    assert found == {*sure.split()}
    assert accepted >= found | {*possible.split()}


def test_words_are_all_of_the_text(records):
    for record in records:
        words = [record.translation[word.start : word.end] for word in record.translation_words]
        assert "".join(words) == record.translation.replace(" ", "")
        assert record.links.sure <= record.links.possible


def test_entities_are_linked_with_their_own_translation_alone(records):
    """The English words of each label know nothing of links."""
    count = 0
    for record in records:
        _, entities = write(list(record.words))
        labels = [label for *_, label in entities]
        for start, end, label in record.translation_entities:
            for index, other in record.links.sure:
                word = record.translation_words[index]
                if labels.count(label) == 1 and start <= word.start < end:
                    assert record.words[other].label == label, record.text
                    count += 1
    assert count > 500


def test_names_and_figures_are_linked_with_themselves(records):
    count = 0
    for record in records:
        english = [word.text.replace(".", ",") for word in record.words]
        german = [record.translation[word.start : word.end] for word in record.translation_words]
        for index, word in enumerate(german):
            same = re.sub(r"(?<=\d)\.", "", word)
            if english.count(same) == german.count(word) == 1:
                other = english.index(same)
                if record.words[other].tag in ("PROPN", "NUM"):
                    links = {link[1] for link in record.links.sure if link[0] == index}
                    assert links == {other}, record.text
                    count += 1
    assert count > 200
