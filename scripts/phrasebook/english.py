"""English words with their universal part-of-speech tags."""

from dataclasses import dataclass, replace
from itertools import pairwise

# Words of the sentences that stand in no table of the lexicon. A tag that depends on the
# place of a word is written in the sentence: "to/PART".
CLOSED = {
    "ADJ": "careful fine full happy hungry late many merry much okay open pleased possible "
    "sorry thirsty welcome",
    "ADP": "at before behind by despite during for from in near of off on out per since than to "
    "until up with without",
    "ADV": "again already also away back down far here how just later left long maybe never now "
    "often only perhaps properly quickly really slowly so soon still straight then today tomorrow "
    "too unfortunately very well when where why yesterday",
    "AUX": "am are be been can could did do does has is may must shall should was will would",
    "CCONJ": "and but or",
    "DET": "a all an another any every her his many my no our some the these this which your",
    "INTJ": "bye certainly cheers congratulations exactly goodbye hello hi okay pardon please "
    "thanks yes",
    "NOUN": "afternoon birthday fun journey luck matter morning name nights people platform "
    "pleasure price problem seat street table time trip way window year",
    "NUM": "one two",
    "PART": "not",
    "PRON": "I anyone anything everyone everything he it me nothing she someone something there "
    "they us we what who you",
    "PUNCT": ", . ? !",
    "SCONJ": "because if that whether",
    "VERB": "belongs bless enjoy excuse follow have has hurry let looking mention thank waiting "
    "want wish",
}
TAGS = {word: tag for tag, words in CLOSED.items() for word in words.split()}
# The forms for I, for he, she and it, and for all others.
AUXILIARIES = {"be": ("am", "is", "are"), "do": ("do", "does", "do")}
# Short forms, and the words that they are written together with.
SHORT = {
    "am": ("'m", "i"),
    "is": ("'s", "he she it that there what where who"),
    "are": ("'re", "you we they"),
    "have": ("'ve", "i you we they"),
    "will": ("'ll", "i you he she it we they"),
    "would": ("'d", "i you he she we they"),
    "us": ("'s", "let"),
}
# What is left of an auxiliary before "n't".
NEGATED = {word: word for word in TAGS if TAGS[word] == "AUX"} | {"can": "ca", "will": "wo"}


@dataclass(frozen=True)
class Token:
    """A word with its tag.

    `label` is that of the entity it belongs to, `unit` what it stands for, as `links` reads it.
    """

    text: str
    tag: str
    label: str = ""
    unit: str = ""


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


def contract(words: list[Token]) -> list[Token]:
    """Write auxiliaries and "not" in their short forms: "I'd", "don't".

    words (list[Token]): A sentence.
    RETURNS (list[Token]): The sentence as it is spoken.
    """
    spoken = words[:1]
    for word, following in pairwise([*words[1:], Token("", "PUNCT")]):
        before = spoken[-1]
        short, hosts = SHORT.get(word.text, ("", ""))
        is_last = following.tag == "PUNCT"
        if word.text == "not" and before.tag == "AUX" and before.text.lower() in NEGATED:
            stem = NEGATED[before.text.lower()]
            spoken[-1] = replace(before, text=before.text[0] + stem[1:])
            word = replace(word, text="n't")
        elif word.tag != "VERB" and before.text.lower() in hosts.split() and not is_last:
            word = replace(word, text=short)
        spoken.append(word)
    return spoken


def without_capital(words: list[Token]) -> list[Token]:
    """Begin a sentence with a small letter, unless it begins with a name or "I".

    words (list[Token]): A sentence.
    RETURNS (list[Token]): The sentence as it is typed in haste.
    """
    first = words[0]
    if first.tag == "PROPN" or first.text == "I":
        return words
    return [replace(first, text=first.text[:1].lower() + first.text[1:]), *words[1:]]


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
        glued = not text or word.tag == "PUNCT" or text.endswith("-")
        glued = glued or word.text.startswith("'") or word.text == "n't"
        glued = glued or (text.endswith("can") and word.text == "not")
        start = len(text) + (not glued)
        text = text.ljust(start) + word.text
        if word.label and word.label == label:
            start = entities.pop()[0]
        if word.label:
            entities.append((start, len(text), word.label))
        label = word.label
    return text, entities
