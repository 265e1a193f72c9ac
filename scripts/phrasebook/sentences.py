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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from . import english, german
from .lexicon import Adjective, Entry, Lexicon, Noun, Person, Phrase, Verb
from .marks import Entity, mark, read_marks

SENTENCES = Path(__file__).parent / "sentences"
SLOT = re.compile(r"(?<!/)\b[A-Z]{3,}[0-9]?\b")
PIECES = re.compile(r"\{.*?\}|can(?=not\b)|\w[\w/.]*\w|\w|[.,?!]")
PRONOUNS = {"I": "ich", "he": "er", "she": "er", "it": "er", "we": "wir"}
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
        for item in words:
            word, _, other = item.partition("@")
            entry = self.entries.get(word)
            if word == "own":
                owner = self.entries[other]
                assert isinstance(owner, Person)
                yield from owner.owner
            elif other and word in english.AUXILIARIES:
                number = {"ich": 0, "er": 1}.get(self.agreement(other), 2)
                yield english.Token(english.AUXILIARIES[word][number], "AUX")
            elif isinstance(entry, Verb) or other:
                verb = entry if isinstance(entry, Verb) else self.lexicon.verb(word)
                third = bool(other) and self.agreement(other) == "er"
                form = next((name for name in ("past", "participle") if name in words), "base")
                yield from english.verb_form(verb.english, "third" if third else form)
            elif isinstance(entry, Noun):
                yield from entry.english.plural if "pl" in words else entry.english.singular
            elif isinstance(entry, Adjective):
                yield from entry.english.comparative if "more" in words else entry.english.base
            elif isinstance(entry, Person):
                yield from entry.object if "me" in words else entry.subject
            elif isinstance(entry, Phrase):
                yield from entry.english
            elif len(words) == 1 or word not in ENGLISH_FEATURES:
                known = self.lexicon.tags.get(word.lower(), "")
                yield from english.tokens(word, "" if word.lower() in english.TAGS else known)

    def german_words(self, piece: str) -> str:
        """Say what is in braces in German.

        piece (str): The words, without braces.
        RETURNS (str): Their forms.
        """
        words = piece.split()
        case = next((word for word in words if word in german.ARTICLES), "nom")
        entries = [self.entries[word] for word in words if word in self.entries]
        last = entries[-1]
        if isinstance(last, Noun):
            return self.noun_phrase(last, words, case)
        if isinstance(last, Adjective):
            return last.german.comparative if "more" in words else last.german.base
        if isinstance(last, Person):
            return mark(last.cases[case], last.subject)
        assert isinstance(last, Phrase)
        return mark(last.german, last.english)

    def noun_phrase(self, noun: Noun, words: list[str], case: str) -> str:
        """Say a noun with what is around it in German.

        noun (Noun): The noun.
        words (list[str]): All that is in the braces.
        case (str): The case.
        RETURNS (str): The phrase, or the pronoun that stands for it.
        """
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
        adjectives = (self.entries.get(word) for word in words)
        return german.noun_phrase(
            noun.german,
            case,
            determiner,
            tuple(entry.german for entry in adjectives if isinstance(entry, Adjective)),
            next((word for word in words if word in prepositions), ""),
            plural,
        )

    def verb_bracket(self, head: str, middle: str) -> str:
        """Say a clause in German.

        head (str): The verb, whom it agrees with, and what kind of clause it is.
        middle (str): All that stands between the parts of the verb.
        RETURNS (str): The clause.
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
        if "zu" in features:
            return german.infinitive_clause(verb, middle)
        if "participle" in features:
            return f"{middle} {verb.participle}".strip()
        if not subject:
            return f"{middle} {verb.prefix}{verb.infinitive}".strip()
        return german.verb_bracket(
            verb,
            self.agreement(subject),
            middle,
            modal=next((name for name in features if name in german.MODALS), ""),
            perfect="perfect" in features,
            final="final" in features,
        )


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

    def say(self, filling: Filling) -> tuple[list[english.Token], str, list[Entity]]:
        """Say it in both languages.

        filling (Filling): What stands in its slots.
        RETURNS (tuple[list[Token], str, list[Entity]]): The English words with tags, the German
            text, and its entities.
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
        return words, *read_marks(other, " ".join(word.text for word in words))


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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
