"""Links between the words of both languages, as far as the grammar knows them.

A word has a unit, which is what it stands for: a slot, the article before a noun, a verb. Words
of one unit are translations of each other. The words around the slots, which are the frame of a
sentence, have no unit, but for some that have one translation alone. A tilde after a unit says
that a word may as well be linked with the frame: articles, prepositions and auxiliaries.

Links are sure or only possible (Och and Ney 2003, "A Systematic Comparison of Various Statistical
Alignment Models"). Sure are those of a word that is alone in its unit, and of as many words as the
other language has there, in order. Possible are all others of a unit, and all within the frame,
since the grammar does not know which of its words are translations of which.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from .english import Token
from .marks import Word, name_words

Link = tuple[int, int]
"""The index of a German word, and that of an English one."""

LOOSE = "~"
HELPER = 2 * LOOSE
"""Of an auxiliary, or "zu": like any loose word of a verb, but never sure."""
DETERMINER = f".determiner{LOOSE}"
FUNCTION_TAGS = {"DET", "ADP", "PART", "PUNCT"}
# "Vor zwei Tagen" is "two days ago".
FUNCTION_WORDS = {"ago", "over"}
PREPOSITIONS = re.compile("(am|im|ins|zum|zur|an|auf|aus|gegen|in|mit|nach|um|vor)$")
DETERMINERS = re.compile(
    "(d(er|ie|as|en|em|es)|[kmsd]?ein(e[nmrs]?)?|(unser|[Ii]hr|jed|dies)e?.?)$"
)
# The words of frames that have one translation.
FRAME = {
    ".": ".",
    ",": ",",
    "?": "?",
    "!": "!",
    "and": "und",
    "or": "oder",
    "but": "aber",
    "because": "weil",
    "if": "wenn",
    "for": "für",
    "with": "mit",
    "without": "ohne",
    "in": "in",
    "not": "nicht",
    "n't": "nicht",
    "very": "sehr",
    "too": "zu",
    "also": "auch",
    "here": "hier",
    "now": "jetzt",
    "today": "heute",
    "please": "bitte",
    "i": "ich",
    "we": "wir",
    "where": "wo",
    "when": "wann",
    "mr.": "herr",
    "mrs.": "frau",
}
TRANSLATIONS = set(FRAME.values())


@dataclass(frozen=True)
class Links:
    """The links of a sentence; all that are sure are possible."""

    sure: frozenset[Link]
    possible: frozenset[Link]


def name_english(words: Sequence[Token], unit: str) -> list[Token]:
    """Say what the words of a phrase stand for.

    words (Sequence[Token]): The words.
    unit (str): The unit.
    RETURNS (list[Token]): The words with the unit.
    """
    return [
        replace(word, unit=unit + LOOSE * (len(words) > 1 and _is_function_word(word)))
        for word in words
    ]


def name_verb(words: Sequence[Token], unit: str) -> list[Token]:
    """Say what a verb and its particles stand for.

    words (Sequence[Token]): The words.
    unit (str): The unit.
    RETURNS (list[Token]): The words with the unit. Which word of "fall asleep" a part of a German
        verb translates is not known.
    """
    verb, *particles = words
    is_idiom = any(word.tag not in FUNCTION_TAGS | {"ADV"} for word in particles)
    return [
        replace(verb, unit=unit + LOOSE * is_idiom),
        *(replace(word, unit=unit + LOOSE) for word in particles),
    ]


def name_german(text: str, words: str, source: Sequence[Token], unit: str) -> str:
    """Mark the words of a phrase with what they stand for.

    text (str): The phrase, perhaps with the mark of an entity.
    words (str): The phrase without it.
    source (Sequence[Token]): The phrase in English.
    unit (str): The unit.
    RETURNS (str): The phrase with marks.
    """
    # "Ein Uhr" has a number.
    has_determiner = any(word.tag == "DET" for word in source)
    named = []
    for marked, word in zip(text.split(), words.split(), strict=True):
        is_function_word = PREPOSITIONS.match(word) or (has_determiner and DETERMINERS.match(word))
        is_loose = word != words and is_function_word
        named.append(name_words(marked, unit + LOOSE * bool(is_loose)))
    return " ".join(named)


def link(source: Sequence[Token], translation: str, words: Sequence[Word]) -> Links:
    """Link the words of a sentence.

    source (Sequence[Token]): The English words.
    translation (str): The German sentence.
    words (Sequence[Word]): Its words.
    RETURNS (Links): The links.
    """
    english = [word.unit or _frame_unit(FRAME.get(word.text.lower())) for word in source]
    german = [word.unit or _frame_unit(translation[word.start : word.end]) for word in words]
    english, german = _loosen(english, german), _loosen(german, english)
    pairs = [*product(range(len(german)), range(len(english)))]
    possible = {
        (index, other)
        for index, other in pairs
        if _base(german[index]) == _base(english[other])
        or (german[index].endswith(LOOSE) and english[other].endswith(LOOSE))
    }
    sure: set[Link] = set()
    for unit in {*german} - {LOOSE}:
        sides = [
            [index for index, each in enumerate(side) if each == unit]
            for side in (german, english)
        ]
        counts = [[*map(_base, side)].count(_base(unit)) for side in (german, english)]
        is_loose = unit.endswith(LOOSE)
        if len(sides[0]) == len(sides[1]) and (len(sides[0]) == 1 or not is_loose):
            sure |= {*zip(*sides, strict=True)}
        elif 1 in counts and not is_loose:
            sure |= {*product(*sides)}
    return Links(frozenset(sure), frozenset(possible))


def _is_function_word(word: Token) -> bool:
    return word.tag in FUNCTION_TAGS or word.text in FUNCTION_WORDS


def _frame_unit(translation: str | None) -> str:
    word = (translation or "").lower()
    return (word if word in TRANSLATIONS else "") + LOOSE


def _base(unit: str) -> str:
    return unit.strip(LOOSE)


def _loosen(units: Iterable[str], others: Iterable[str]) -> list[str]:
    """Count words among the frame whose unit has no words in the other language."""
    known = {*map(_base, others)}
    return [unit if _base(unit) in known else LOOSE for unit in units]
