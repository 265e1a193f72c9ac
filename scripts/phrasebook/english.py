"""English words with their universal part-of-speech tags."""

from dataclasses import dataclass, replace
from itertools import pairwise

# Words of the sentences that stand in no table of the lexicon. A tag that depends on the
# place of a word is written in the sentence: "to/PART".
CLOSED = {
    "ADJ": "hungry late much open possible",
    "ADP": "at behind by despite during for from in near of off on since than to until "
    "up with without",
    "ADV": "already also back far here how left long often properly still straight then "
    "today too unfortunately very when where why",
    "AUX": "am are be been can could did do does has is may must should was will would",
    "CCONJ": "and but or",
    "DET": "a every my no our the this which your",
    "INTJ": "please",
    "NOUN": "journey nights people platform price seat street table time trip way window",
    "PART": "not",
    "PRON": "I it me someone there us we what you",
    "PUNCT": ", . ?",
    "SCONJ": "because if that whether",
    "VERB": "belongs excuse has have let looking waiting want",
}
TAGS = {word: tag for tag, words in CLOSED.items() for word in words.split()}
# The forms for I, for he, she and it, and for all others.
AUXILIARIES = {"be": ("am", "is", "are"), "do": ("do", "does", "do")}


@dataclass(frozen=True)
class Token:
    """A word with its tag; `label` is that of the entity it belongs to."""

    text: str
    tag: str
    label: str = ""


@dataclass(frozen=True)
class Noun:
    """A noun, of one word or several: all but the last stay as they are."""

    singular: tuple[Token, ...]
    plural: tuple[Token, ...]


@dataclass(frozen=True)
class Adjective:
    """An adjective and its comparative, which may be two words."""

    base: tuple[Token, ...]
    comparative: tuple[Token, ...]


@dataclass(frozen=True)
class Verb:
    """A verb: only its first word is inflected, the rest is a particle."""

    base: str
    third: str
    past: str
    participle: str
    particle: tuple[Token, ...] = ()


def tokens(text: str, default: str = "") -> tuple[Token, ...]:
    """Read words that may have tags, such as "single/ADJ room".

    text (str): The words, with spaces between them.
    default (str): The tag of words without one; "" finds it among the closed classes.
    RETURNS (tuple[Token, ...]): Words and tags.
    RAISES (ValueError): If a word has no tag.
    """
    found = []
    for item in text.split():
        word, _, tag = item.partition("/")
        tag = tag or default or TAGS.get(word, "") or TAGS.get(word.lower(), "")
        if not tag:
            raise ValueError(f"{word!r} in {text!r} has no tag: write {word}/TAG")
        found.append(Token(word, tag))
    return tuple(found)


def verb_form(verb: Verb, form: str) -> tuple[Token, ...]:
    """Inflect a verb.

    verb (Verb): The verb.
    form (str): One of "base", "third", "past", "participle".
    RETURNS (tuple[Token, ...]): Its form and its particle.
    """
    return (Token(getattr(verb, form), "VERB"), *verb.particle)


def fit_neighbours(words: list[Token]) -> list[Token]:
    """Choose "a" or "an", and the tag of "to", by the word that follows.

    words (list[Token]): A sentence with "a" only, and "to" as a preposition.
    RETURNS (list[Token]): The sentence with both.
    """
    chosen = list(words)
    for place, (word, following) in enumerate(pairwise(words)):
        if word.text == "a" and following.text[0] in "aeiou":
            chosen[place] = replace(word, text="an")
        if word.text == "to" and following.tag == "VERB":
            chosen[place] = replace(word, tag="PART")
    return chosen


def write(words: list[Token]) -> tuple[str, list[tuple[int, int, str]]]:
    """Write a sentence as text.

    words (list[Token]): Its words.
    RETURNS (tuple[str, list[tuple[int, int, str]]]): The text, and first character, end and
        label of each entity.
    """
    text = ""
    entities: list[tuple[int, int, str]] = []
    label = ""
    for word in words:
        glued = not text or word.tag == "PUNCT" or (text.endswith("can") and word.text == "not")
        start = len(text) + (not glued)
        text = text.ljust(start) + word.text
        if word.label and word.label == label:
            start = entities.pop()[0]
        if word.label:
            entities.append((start, len(text), word.label))
        label = word.label
    return text, entities
