"""Sentences with slots, side by side in both languages, and what fills the slots.

`sentences/<intent>.txt` holds pairs of lines. A name in capitals is a slot for any entry of
that category; a number after it distinguishes two of a kind.

    {WHO} {LOSE past} {own@WHO BELONGING}.
    {WHO} [LOSE@WHO perfect | {own@WHO BELONGING acc}].

Braces hold words that agree. `@WHO` makes a word agree with the person in that slot, `@ich`,
`@he` and so on with a pronoun. English knows `pl`, `more`, `me` (the object's form), `past`
and `participle`; German the four cases, `pl`, `more`, and `rel` and `pron` for the pronoun
that stands for a noun. German brackets are those that the verb makes around the middle of
its clause, with `perfect`, `final`, `zu`, `participle` or the infinitive of a modal verb.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from . import english, german
from .lexicon import Adjective, Entry, Lexicon, Noun, Person, Phrase, Verb
from .links import DETERMINER, HELPER, LOOSE, name_english, name_german, name_verb
from .marks import NAMED, Entity, Word, mark, name_words, read_marks, read_words

SENTENCES = Path(__file__).parent / "sentences"
SLOT = re.compile(r"(?<!/)\b[A-Z]{3,}[0-9]?\b")
PIECES = re.compile(r"\{.*?\}|can(?=not\b)|\w[\w/.]*\w|\w|[.,?!]")
PRONOUNS = {"I": "ich", "he": "er", "she": "er", "it": "er", "we": "wir"}
# The place of all that stands between the parts of a verb.
MIDDLE = "\ue005"
ENGLISH_FEATURES = ("pl", "more", "me", "past", "participle")


@dataclass(frozen=True)
class Filling:
    """What stands in the slots of a sentence, by the slots' names."""

    entries: dict[str, Entry]
    lexicon: Lexicon

    def agreement(self, name: str) -> str:
        """Find the German pronoun that takes the same verbs.

        name (str): A slot of a person, or a pronoun of either language.
        RETURNS (str): One of "ich", "du", "er", "wir", "Sie".
        """
        person = self.entries.get(name)
        return person.agreement if isinstance(person, Person) else PRONOUNS.get(name, name)

    def english_words(self, piece: str) -> Iterator[english.Token]:
        """Say a word or what is in braces in English.

        piece (str): A word of the sentence, or words in braces.
        YIELDS (Token): The words with tags.
        """
        words = piece.strip("{}").split()
        noun = next((word for word in words if isinstance(self.entries.get(word), Noun)), "")
        for item in words:
            word, _, other = item.partition("@")
            entry = self.entries.get(word)
            if word == "own":
                owner = self.entries[other]
                assert isinstance(owner, Person)
                yield from _name(owner.owner, noun + DETERMINER)
            elif other and word in english.AUXILIARIES:
                number = {"ich": 0, "er": 1}.get(self.agreement(other), 2)
                yield english.Token(english.AUXILIARIES[word][number], "AUX")
            elif isinstance(entry, Verb) or other:
                verb = entry if isinstance(entry, Verb) else self.lexicon.verb(word)
                third = bool(other) and self.agreement(other) == "er"
                form = next((name for name in ("past", "participle") if name in words), "base")
                spoken = english.verb_form(verb.english, "third" if third else form)
                yield from name_verb(spoken, word if entry else _unit_of(verb.german))
            elif isinstance(entry, Noun):
                spoken = entry.english.plural if "pl" in words else entry.english.singular
                yield from _name(spoken, word)
            elif isinstance(entry, Adjective):
                spoken = entry.english.comparative if "more" in words else entry.english.base
                yield from _name(spoken, word)
            elif isinstance(entry, Person):
                yield from name_english(entry.object if "me" in words else entry.subject, word)
            elif isinstance(entry, Phrase):
                yield from name_english(entry.english, word)
            elif len(words) == 1 or word not in ENGLISH_FEATURES:
                known = self.lexicon.tags.get(word.lower(), "")
                spoken = english.tokens(word, "" if word.lower() in english.TAGS else known)
                is_determiner = noun and spoken[0].tag == "DET"
                yield from _name(spoken, noun + DETERMINER) if is_determiner else spoken

    def german_words(self, piece: str) -> str:
        """Say what is in braces in German.

        piece (str): The words, without braces.
        RETURNS (str): Their forms, with marks.
        """
        words = piece.split()
        case = next((word for word in words if word in german.ARTICLES), "nom")
        slot = [word for word in words if word in self.entries][-1]
        last = self.entries[slot]
        if isinstance(last, Noun):
            return self.noun_phrase(slot, words, case)
        if isinstance(last, Adjective):
            return name_words(
                last.german.comparative if "more" in words else last.german.base, slot
            )
        assert isinstance(last, Person | Phrase)
        text, source = (
            (last.cases[case], last.subject)
            if isinstance(last, Person)
            else (last.german, last.english)
        )
        return name_german(mark(text, source), text, source, slot)

    def noun_phrase(self, slot: str, words: list[str], case: str) -> str:
        """Say a noun with what is around it in German.

        slot (str): The slot of the noun.
        words (list[str]): All that is in the braces.
        case (str): The case.
        RETURNS (str): The phrase with marks, or the pronoun that stands for it.
        """
        noun = self.entries[slot]
        assert isinstance(noun, Noun)
        plural = "pl" in words
        gender = "p" if plural else noun.german.gender
        if "rel" in words:
            return german.RELATIVES[case][gender]
        if "pron" in words:
            return german.PRONOUNS[case][gender]
        prepositions = {contraction.split()[0] for contraction in german.CONTRACTIONS}
        determiner = ""
        for word in words:
            base, _, other = word.partition("@")
            owner = self.entries.get(other)
            if isinstance(owner, Person):
                determiner = owner.possessive
            elif base in {"der", *german.DER_WORDS, *german.EIN_WORDS}:
                determiner = base
        adjectives = {
            word: entry.german
            for word in words
            if isinstance(entry := self.entries.get(word), Adjective)
        }
        preposition = next((word for word in words if word in prepositions), "")
        phrase = german.noun_phrase(
            noun.german, case, determiner, tuple(adjectives.values()), preposition, plural
        ).split()
        units = [*adjectives, *[slot] * len(noun.german.singular.split())]
        # A preposition belongs to the frame, even if it is one word with the article.
        opening = [*[""] * bool(preposition), slot + DETERMINER][: len(phrase) - len(units)]
        return " ".join(map(name_words, phrase, [*opening, *units]))

    def verb_bracket(self, head: str, middle: str) -> str:
        """Say a clause in German.

        head (str): The verb, whom it agrees with, and what kind of clause it is.
        middle (str): All that stands between the parts of the verb.
        RETURNS (str): The clause, with marks.
        """
        first, *features = head.split()
        word, _, subject = first.partition("@")
        entry = self.entries.get(word)
        if isinstance(entry, Verb):
            verb = entry.german
        elif word in german.IRREGULAR:
            verb = german.Verb("", word, "", "", "haben")
        else:
            verb = self.lexicon.verb(word).german
        unit = word if entry else _unit_of(verb)
        if "zu" in features:
            helper, clause = "zu", german.infinitive_clause(verb, MIDDLE)
        elif "participle" in features:
            helper, clause = "", f"{MIDDLE} {verb.participle}"
        elif not subject:
            helper, clause = "", f"{MIDDLE} {verb.prefix}{verb.infinitive}"
        else:
            modal = next((name for name in features if name in german.MODALS), "")
            perfect = "perfect" in features
            helper = modal or (verb.auxiliary if perfect else "")
            helper = helper and german.irregular_form(helper, self.agreement(subject))
            clause = german.verb_bracket(
                verb,
                self.agreement(subject),
                MIDDLE,
                modal=modal,
                perfect=perfect,
                final="final" in features,
            )
        units = {helper: unit + HELPER, verb.prefix: unit + LOOSE}
        words = (
            middle if part == MIDDLE else name_words(part, units.get(part, unit))
            for part in clause.split()
        )
        return " ".join(filter(None, words))


@dataclass(frozen=True)
class Sentence:
    """A sentence with slots: the English line and the German one."""

    intent: str
    source: str
    target: str

    @cached_property
    def slots(self) -> dict[str, str]:
        """The category of each slot, in the order of the English sentence."""
        return {slot: slot.rstrip("0123456789").lower() for slot in SLOT.findall(self.source)}

    def say(self, filling: Filling) -> tuple[list[english.Token], str, list[Entity], list[Word]]:
        """Say it in both languages.

        filling (Filling): What stands in its slots.
        RETURNS (tuple[list[Token], str, list[Entity], list[Word]]): The English words with tags,
            the German text, its entities, and its words.
        """
        pieces = PIECES.findall(self.source)
        words = [word for piece in pieces for word in filling.english_words(piece)]
        words = english.fit_neighbours(words)
        other = re.sub(r"\{(.*?)\}", lambda found: filling.german_words(found[1]), self.target)
        other = re.sub(
            r"\[(.*?)(?: \| (.*?))?\]",
            lambda found: filling.verb_bracket(found[1], found[2] or ""),
            other,
        )
        words[0] = replace(words[0], text=_capital(words[0].text))
        other = re.sub(r"(?:^|[.?!] )\w", lambda found: found[0].upper(), other)
        source = " ".join(word.text for word in words)
        plain, entities = read_marks(NAMED.sub("", other), source)
        return words, plain, entities, read_words(other, plain)


def read_sentences() -> list[Sentence]:
    """Read the sentences of all intents.

    RETURNS (list[Sentence]): The sentences.
    RAISES (ValueError): If two lines of a pair have other slots.
    """
    sentences = []
    for path in sorted(SENTENCES.glob("*.txt")):
        for pair in path.read_text(encoding="utf8").strip().split("\n\n"):
            sentence = Sentence(path.stem, *pair.split("\n"))
            if set(sentence.slots) != set(SLOT.findall(sentence.target)):
                raise ValueError(f"Both lines must have the same slots, but {pair!r} has not")
            sentences.append(sentence)
    return sentences


def _name(words: Iterable[english.Token], unit: str) -> Iterator[english.Token]:
    return (replace(word, unit=unit) for word in words)


def _unit_of(verb: german.Verb) -> str:
    return verb.prefix + verb.infinitive


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
