"""Read the words of both languages from the tables in `lexicon/`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from . import english, german
from .quantities import QUANTITIES

TABLES = Path(__file__).parent / "lexicon"


@dataclass(frozen=True)
class Noun:
    """A noun of both languages."""

    english: english.Noun
    german: german.Noun


@dataclass(frozen=True)
class Adjective:
    """An adjective of both languages."""

    english: english.Adjective
    german: german.Adjective


@dataclass(frozen=True)
class Verb:
    """A verb of both languages."""

    english: english.Verb
    german: german.Verb


@dataclass(frozen=True)
class Person:
    """Someone who may be the subject: `agreement` is a pronoun, such as "er" for "Anna"."""

    subject: tuple[english.Token, ...]
    object: tuple[english.Token, ...]
    owner: tuple[english.Token, ...]
    cases: dict[str, str]
    possessive: str
    agreement: str


@dataclass(frozen=True)
class Phrase:
    """What takes no endings: names, times, adverbs."""

    english: tuple[english.Token, ...]
    german: str


Entry = Noun | Adjective | Verb | Person | Phrase


@dataclass(frozen=True)
class Lexicon:
    """All words.

    categories (dict[str, dict[str, Entry]]): The entries that may fill each slot, by name.
    tags (dict[str, str]): The tag of each word of a noun, an adjective or a verb.
    """

    categories: dict[str, dict[str, Entry]]
    tags: dict[str, str]

    def verb(self, infinitive: str) -> Verb:
        """Find a verb.

        infinitive (str): In English or in German.
        RETURNS (Verb): The verb.
        RAISES (ValueError): If the tables have none.
        """
        for entries in self.categories.values():
            for entry in entries.values():
                if isinstance(entry, Verb):
                    alone = "" if entry.english.particle else entry.english.base
                    if infinitive in (alone, entry.german.prefix + entry.german.infinitive):
                        return entry
        raise ValueError(f"No table has the verb {infinitive!r}: add it to verbs.txt")


def read_lexicon() -> Lexicon:
    """Read all tables.

    RETURNS (Lexicon): The words.
    """
    readers: dict[str, Callable[[list[str], list[str]], Entry]] = {
        "nouns": read_noun,
        "adjectives": read_adjective,
        "verbs": read_verb,
        "persons": read_person,
        "phrases": read_phrase,
    }
    categories: dict[str, dict[str, Entry]] = {}
    for table, reader in readers.items():
        categories |= read_table(TABLES / f"{table}.txt", reader)
    for name, (label, pairs) in QUANTITIES.items():
        entries = {plain(text): Phrase(english.tokens(text), other) for text, other in pairs()}
        categories[name] = {key: mark(entry, label) for key, entry in entries.items()}
    tags = {
        token.text: token.tag
        for entries in categories.values()
        for entry in entries.values()
        for token in words_of(entry)
    }
    return Lexicon(categories, tags)


def read_table(
    path: Path, reader: Callable[[list[str], list[str]], Entry]
) -> dict[str, dict[str, Entry]]:
    """Read the categories of one table.

    path (Path): The table.
    reader (Callable): Makes an entry of the English and the German fields of a line.
    RETURNS (dict[str, dict[str, Entry]]): The entries of each category by their names.
    """
    categories: dict[str, dict[str, Entry]] = {}
    everything: dict[str, Entry] = {}
    category: dict[str, Entry] = {}
    label = ""
    for line in path.read_text(encoding="utf8").splitlines():
        if line.startswith("["):
            name, _, label = line.strip("[]").partition(" ")
            category = categories.setdefault(name, {})
        elif not line.startswith("#"):
            fields, _, other = line.partition(" = ")
            key = plain(fields.split(", ")[0])
            if other:
                everything[key] = mark(reader(fields.split(", "), other.split(", ")), label)
            category[key] = everything[key]
    return categories


def read_noun(fields: list[str], other: list[str]) -> Noun:
    """Read a noun.

    fields (list[str]): English singular and plural.
    other (list[str]): German article and singular, plural, and the genitive if irregular.
    RETURNS (Noun): The noun.
    """
    article, singular = other[0].split()
    plural, genitive = (*other[1:], "")[:2]
    return Noun(
        english.Noun(english.tokens(fields[0], "NOUN"), english.tokens(fields[1], "NOUN")),
        german.Noun(
            singular.removesuffix("*"),
            plural,
            german.GENDERS[article],
            genitive,
            singular.endswith("*"),
        ),
    )


def read_adjective(fields: list[str], other: list[str]) -> Adjective:
    """Read an adjective.

    fields (list[str]): English base and comparative.
    other (list[str]): German base, with its stem after a slash if it is another, and
        comparative.
    RETURNS (Adjective): The adjective.
    """
    base, comparative = fields
    *more, last = comparative.split()
    degree = (*english.tokens(" ".join(more), "ADV"), english.Token(last, "ADJ"))
    word, _, stem = other[0].partition("/")
    return Adjective(
        english.Adjective(english.tokens(base, "ADJ"), degree),
        german.Adjective(word, stem or word, other[1]),
    )


def read_verb(fields: list[str], other: list[str]) -> Verb:
    """Read a verb.

    fields (list[str]): English base with its particle, third person, past, participle.
    other (list[str]): German infinitive with a bar after a separable prefix, third person,
        participle, and the auxiliary if it is "sein".
    RETURNS (Verb): The verb.
    """
    base, *particle = fields[0].split()
    present, past, done = fields[1:]
    prefix, _, infinitive = other[0].rpartition("|")
    third, participle, auxiliary = (*other[1:], "haben")[:3]
    return Verb(
        english.Verb(base, present, past, done, english.tokens(" ".join(particle))),
        german.Verb(prefix, infinitive, third, participle, auxiliary),
    )


def read_person(fields: list[str], other: list[str]) -> Person:
    """Read a person.

    fields (list[str]): English subject, object and possessive, with tags.
    other (list[str]): German nominative, accusative, dative, possessive, and the pronoun
        that takes the same verbs.
    RETURNS (Person): The person.
    """
    subject, objective, owner = (english.tokens(field) for field in fields)
    *cases, possessive, agreement = other
    forms = dict(zip(("nom", "acc", "dat"), cases, strict=True))
    return Person(subject, objective, owner, forms, possessive, agreement)


def read_phrase(fields: list[str], other: list[str]) -> Phrase:
    """Read a phrase.

    fields (list[str]): English, with tags where they need any.
    other (list[str]): German.
    RETURNS (Phrase): The phrase.
    """
    (text,), (translation,) = fields, other
    return Phrase(english.tokens(text, "PROPN" if text.istitle() else ""), translation)


def mark(entry: Entry, label: str) -> Entry:
    """Make an entry an entity, without the preposition that it may begin with.

    entry (Entry): The entry.
    label (str): The label, "" for none.
    RETURNS (Entry): The entry, whose English words are marked.
    """
    if isinstance(entry, Person):
        label = "PERSON"
    if not label:
        return entry
    if isinstance(entry, Phrase):
        return replace(entry, english=tuple(_mark(entry.english, label)))
    if isinstance(entry, Person):
        subject, other = (tuple(_mark(words, label)) for words in (entry.subject, entry.object))
        named = entry.subject[0].tag == "PROPN"
        return replace(entry, subject=subject, object=other) if named else entry
    raise ValueError(f"{entry} cannot be a {label}: only phrases and persons are entities")


def _mark(words: tuple[english.Token, ...], label: str) -> Iterator[english.Token]:
    for place, word in enumerate(words):
        opens = place == 0 and word.tag == "ADP"
        yield word if opens else replace(word, label=label)


def words_of(entry: Entry) -> Iterator[english.Token]:
    """List the forms of an entry's English words, for what may stand in a sentence as it is.

    entry (Entry): The entry.
    RETURNS (Iterator[Token]): Its words with their tags; none of persons and phrases.
    """
    if isinstance(entry, Noun):
        yield from (*entry.english.singular, *entry.english.plural)
    elif isinstance(entry, Adjective):
        yield from (*entry.english.base, *entry.english.comparative)
    elif isinstance(entry, Verb):
        for form in ("base", "third", "past", "participle"):
            yield english.verb_form(entry.english, form)[0]


def plain(text: str) -> str:
    """Take the tags off words.

    text (str): Words, some with tags.
    RETURNS (str): The words.
    """
    return " ".join(word.partition("/")[0] for word in text.split())
