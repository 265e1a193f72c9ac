"""The phrasebook's German is right: compared with forms and sentences written by hand."""

import pytest
from phrasebook import german
from phrasebook.english import contract, tokens, write
from phrasebook.lexicon import read_lexicon
from phrasebook.sentences import Filling, read_sentences


@pytest.fixture(scope="module")
def lexicon():
    return read_lexicon()


# Written by hand: a line of `sentences/`, what fills its slots in turn, and both sentences.
PAIRS = """
{WHO} would like to order {a FOOD DISH}. = my husband, warm, omelette
My husband would like to order a warm omelette.
Mein Mann möchte ein warmes Omelett bestellen.

For {WHO me} {the SAVOURY} with {INGREDIENT}, please. = he, salad, cheese
For him the salad with cheese, please.
Für ihn den Salat mit Käse, bitte.

{WHO} {do@WHO} not eat {INGREDIENT}. = Anna, fish
Anna does not eat fish.
Anna isst keinen Fisch.

Because we are hungry, we will take {a FOOD DISH}. = spicy, sausage
Because we are hungry, we will take a spicy sausage.
Weil wir Hunger haben, nehmen wir eine scharfe Wurst.

If you are hungry, {FRIEND}, I will order {a DISH} for you. = Max, steak
If you are hungry, Max, I will order a steak for you.
Wenn du Hunger hast, Max, bestelle ich ein Steak für dich.

Do you still have {a LODGING ROOM} with {a COMFORT}? = quiet, double room, shower
Do you still have a quiet double room with a shower?
Haben Sie noch ein ruhiges Doppelzimmer mit einer Dusche?

{DAY} we need {NUMBER} {LODGING ROOM pl}. = next week, two, large, single room
Next week we need two large single rooms.
Nächste Woche brauchen wir zwei große Einzelzimmer.

We are looking for {a ROOM} that/PRON has {a COMFORT}. = suite, balcony
We are looking for a suite that has a balcony.
Wir suchen eine Suite, die einen Balkon hat.

Is there {a FAME SIGHT} near {the STOP}? = old, castle, train station
Is there an old castle near the train station?
Gibt es in der Nähe des Bahnhofs ein altes Schloss?

Can you show me the way to {the FAME SIGHT}, {FRIEND}? = small, church, Julia
Can you show me the way to the small church, Julia?
Kannst du mir den Weg zur kleinen Kirche zeigen, Julia?

How far is it from {the STOP} to {the BUILDING}? = harbour, hotel
How far is it from the harbour to the hotel?
Wie weit ist es vom Hafen zum Hotel?

{The BUILDING} in which/PRON {WHO} {work@WHO} is {BESIDE} {the STOP}. = bank, Anna, behind, bridge
The bank in which Anna works is behind the bridge.
Die Bank, in der Anna arbeitet, ist hinter der Brücke.

I need {a TICKET} because {WHO} must travel to {CITY}. = return ticket, our son, Vienna
I need a return ticket because our son must travel to Vienna.
Ich brauche eine Rückfahrkarte, weil unser Sohn nach Wien reisen muss.

{DAY} {the VEHICLE} {MOVE@it} at {CLOCK}. = tomorrow, bus, arrive, half past seven
Tomorrow the bus arrives at half past seven.
Morgen kommt der Bus um halb acht an.

I hope that {the VEHICLE} {MOVE@it} at {CLOCK}. = ferry, depart, quarter to nine
I hope that the ferry departs at quarter to nine.
Ich hoffe, dass die Fähre um Viertel vor neun abfährt.

{WHO} got on in {CITY} {PASTDAY}. = we, Cologne, yesterday
We got on in Cologne yesterday.
Wir sind gestern in Köln eingestiegen.

The price of {the QUALITY SOUVENIR} is {PRICE}. = expensive, book, 12.40 euros
The price of the expensive book is 12.40 euros.
Der Preis des teuren Buches beträgt 12,40 Euro.

{WHO} {SHOP past} {a COLOUR CLOTHES} {PASTDAY}. = she, try on, red, skirt, last week
She tried on a red skirt last week.
Sie hat letzte Woche einen roten Rock anprobiert.

I have/AUX forgotten to {SHOP} {the CLOTHES}. = return, coat
I have forgotten to return the coat.
Ich habe vergessen, den Mantel zurückzugeben.

Where can {WHO} find {QUALITY SOUVENIR pl}? = I, cheap, picture
Where can I find cheap pictures?
Wo kann ich billige Bilder finden?

I think that {WHO} {LOSE past} {own@WHO BELONGING}. = Peter, lose, suitcase
I think that Peter lost his suitcase.
Ich glaube, dass Peter seinen Koffer verloren hat.

{The COLOUR BELONGING} of {my ACQUAINTANCE} is in {the BUILDING}. = green, bag, neighbour, café
The green bag of my neighbour is in the café.
Die grüne Tasche meines Nachbarn ist im Café.

Mr./PROPN {SURNAME}, did you find {a BELONGING} in {the BUILDING}? = Weber, key, pharmacy
Mr. Weber, did you find a key in the pharmacy?
Herr Weber, haben Sie in der Apotheke einen Schlüssel gefunden?

{PATIENT} {need@PATIENT} {a REMEDY} because {own@PATIENT BODY} hurts. = my wife, ointment, foot
My wife needs an ointment because her foot hurts.
Meine Frau braucht eine Salbe, weil ihr Fuß wehtut.

It is {WEATHER more} in {CITY} than in {CITY2}. = warm, Rome, Hamburg
It is warmer in Rome than in Hamburg.
In Rom ist es wärmer als in Hamburg.

Because/ADP of {the NATURE} {WHO} will stay in {the INDOORS}. = wind, our children, museum
Because of the wind our children will stay in the museum.
Wegen des Windes bleiben unsere Kinder im Museum.

Before/SCONJ {WHO} {ERRAND@WHO}, {WHO2} must {MEET} {FRIEND}. = he, get up, Laura, call, Maria
Before he gets up, Laura must call Maria.
Bevor er aufsteht, muss Laura Maria anrufen.

Where is {the NEAREST NEARBY}? = nearest, pharmacy
Where is the nearest pharmacy?
Wo ist die nächste Apotheke?

How do I get to {the NEAREST NEARBY}? = next, cash machine
How do I get to the next cash machine?
Wie komme ich zum nächsten Geldautomaten?

There is no {UTILITY} in {my ROOM}. = Wi - Fi, apartment
There is no Wi-Fi in my apartment.
In meiner Wohnung gibt es kein WLAN.

Can {WHO} leave/VERB {own@WHO LUGGAGE} at the reception/NOUN? = they, luggage
Can they leave their luggage at the reception?
Können sie ihr Gepäck an der Rezeption lassen?

{WHO} {have@WHO} {NUMBER} {KIN pl}. = we, three, daughter
We have three daughters.
Wir haben drei Töchter.

{WHO} {like@WHO} {the SCENERY}. = my mother, view
My mother likes the view.
Meiner Mutter gefällt die Aussicht.

How is your {RELATIVE}? = brother
How is your brother?
Wie geht es Ihrem Bruder?

Does {this VEHICLE} stop/VERB at {the BUILDING}? = tram, market
Does this tram stop at the market?
Hält diese Straßenbahn am Markt?
"""


@pytest.mark.parametrize("pair", PAIRS.strip().split("\n\n"))
def test_pairs_written_by_hand(pair, lexicon):
    """Cases, agreement, order and separable verbs are right, not only the same as before."""
    head, english, translation = pair.split("\n")
    source, _, names = head.partition(" = ")
    (sentence,) = [sentence for sentence in read_sentences() if sentence.source == source]
    categories = [lexicon.categories[category] for category in sentence.slots.values()]
    entries = [entries[name] for entries, name in zip(categories, names.split(", "), strict=True)]
    filling = Filling(dict(zip(sentence.slots, entries, strict=True)), lexicon)
    words, other, *_ = sentence.say(filling)
    assert write(words)[0] == english
    assert other == translation


STRONG, NEW = german.Noun("Wein", "Weine", "m"), german.Adjective("neu", "neu", "neuer")
CHILD, COLLEAGUE = (
    german.Noun("Kind", "Kinder", "n"),
    german.Noun("Kollege", "Kollegen", "m", "", True),
)


@pytest.mark.parametrize(
    ("noun", "determiner", "plural", "forms"),
    [
        (STRONG, "", False, "neuer Wein, neuen Wein, neuem Wein, neuen Weins"),
        (STRONG, "der", False, "der neue Wein, den neuen Wein, dem neuen Wein, des neuen Weins"),
        (
            CHILD,
            "ein",
            False,
            "ein neues Kind, ein neues Kind, einem neuen Kind, eines neuen Kinds",
        ),
        (CHILD, "", True, "neue Kinder, neue Kinder, neuen Kindern, neuer Kinder"),
        (
            CHILD,
            "mein",
            True,
            "meine neuen Kinder, meine neuen Kinder, meinen neuen Kindern, meiner neuen Kinder",
        ),
        (
            COLLEAGUE,
            "dieser",
            False,
            "dieser neue Kollege, diesen neuen Kollegen, "
            "diesem neuen Kollegen, dieses neuen Kollegen",
        ),
    ],
)
def test_declension(noun, determiner, plural, forms):
    cases = ("nom", "acc", "dat", "gen")
    phrases = [german.noun_phrase(noun, case, determiner, (NEW,), "", plural) for case in cases]
    assert ", ".join(phrases) == forms


@pytest.mark.parametrize(
    ("infinitive", "forms"),
    [
        ("fahren", "fahre fährst fährt fahren"),
        ("arbeiten", "arbeite arbeitest arbeitet arbeiten"),
        ("essen", "esse isst isst essen"),
        ("wandern", "wandere wanderst wandert wandern"),
        ("reisen", "reise reist reist reisen"),
    ],
)
def test_conjugation(infinitive, forms):
    third = forms.split()[2]
    verb = german.Verb("", infinitive, third, "", "haben")
    subjects = ("ich", "du", "er", "wir")
    assert " ".join(german.finite_form(verb, subject) for subject in subjects) == forms


def test_a_separable_verb_goes_where_the_clause_wants_it():
    verb = german.Verb("ab", "fahren", "fährt", "abgefahren", "sein")
    assert german.verb_bracket(verb, "er", "um zehn") == "fährt um zehn ab"
    assert german.verb_bracket(verb, "er", "um zehn", final=True) == "um zehn abfährt"
    assert german.verb_bracket(verb, "wir", "jetzt", modal="müssen") == "müssen jetzt abfahren"
    assert german.verb_bracket(verb, "ich", modal="wollen", final=True) == "abfahren will"
    assert german.verb_bracket(verb, "ich", perfect=True) == "bin abgefahren"
    assert german.verb_bracket(verb, "du", "schon", perfect=True, final=True) == (
        "schon abgefahren bist"
    )
    assert german.infinitive_clause(verb, "heute") == "heute abzufahren"


@pytest.mark.parametrize(
    ("words", "spoken"),
    [
        ("I/PRON would/AUX like/VERB tea/NOUN ./PUNCT", "I'd like tea."),
        ("We/PRON do/AUX not/PART know/VERB ./PUNCT", "We don't know."),
        ("Anna/PROPN can/AUX not/PART swim/VERB ./PUNCT", "Anna can't swim."),
        ("It/PRON is/AUX not/PART far/ADJ ./PUNCT", "It's not far."),
        ("The/DET bar/NOUN is/AUX not/PART open/ADJ ./PUNCT", "The bar isn't open."),
        ("I/PRON have/AUX lost/VERB it/PRON ./PUNCT", "I've lost it."),
        ("I/PRON have/VERB a/DET cold/NOUN ./PUNCT", "I have a cold."),
        ("Do/AUX you/PRON know/VERB where/ADV it/PRON is/AUX ?/PUNCT", "Do you know where it is?"),
        ("Let/VERB us/PRON go/VERB ./PUNCT", "Let's go."),
    ],
)
def test_short_forms(words, spoken):
    assert write(contract(list(tokens(words))))[0] == spoken
