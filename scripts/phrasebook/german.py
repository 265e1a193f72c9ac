"""German grammar: declension, conjugation and the positions of verbs in a clause."""

from dataclasses import dataclass

# Endings of "dieser" by case, for masculine, feminine, neuter and plural.
ENDINGS = {
    "nom": {"m": "er", "f": "e", "n": "es", "p": "e"},
    "acc": {"m": "en", "f": "e", "n": "es", "p": "e"},
    "dat": {"m": "em", "f": "er", "n": "em", "p": "en"},
    "gen": {"m": "es", "f": "er", "n": "es", "p": "er"},
}
# Where "ein" has no ending, and the adjective shows the gender in its place.
BARE = {("nom", "m"), ("nom", "n"), ("acc", "n")}
ARTICLES = {
    "nom": {"m": "der", "f": "die", "n": "das", "p": "die"},
    "acc": {"m": "den", "f": "die", "n": "das", "p": "die"},
    "dat": {"m": "dem", "f": "der", "n": "dem", "p": "den"},
    "gen": {"m": "des", "f": "der", "n": "des", "p": "der"},
}
# The article when it stands alone as a relative pronoun.
RELATIVES = ARTICLES | {"dat": {"m": "dem", "f": "der", "n": "dem", "p": "denen"}}
PRONOUNS = {
    "nom": {"m": "er", "f": "sie", "n": "es", "p": "sie"},
    "acc": {"m": "ihn", "f": "sie", "n": "es", "p": "sie"},
    "dat": {"m": "ihm", "f": "ihr", "n": "ihm", "p": "ihnen"},
}
GENDERS = {"der": "m", "die": "f", "das": "n"}
DER_WORDS = {"dieser", "jeder", "welcher"}
EIN_WORDS = {"ein", "kein", "mein", "dein", "sein", "ihr", "unser", "Ihr"}
CONTRACTIONS = {
    "an dem": "am",
    "an das": "ans",
    "bei dem": "beim",
    "in dem": "im",
    "in das": "ins",
    "von dem": "vom",
    "zu dem": "zum",
    "zu der": "zur",
}

SUBJECTS = ("ich", "du", "er", "wir", "Sie")
# The forms for ich, du, er, wir and Sie of the verbs that follow no rule.
IRREGULAR = {
    "sein": "bin bist ist sind sind",
    "haben": "habe hast hat haben haben",
    "wissen": "weiß weißt weiß wissen wissen",
    "mögen": "mag magst mag mögen mögen",
    "können": "kann kannst kann können können",
    "müssen": "muss musst muss müssen müssen",
    "wollen": "will willst will wollen wollen",
    "dürfen": "darf darfst darf dürfen dürfen",
    "sollen": "soll sollst soll sollen sollen",
    "möchten": "möchte möchtest möchte möchten möchten",
}
MODALS = {"können", "müssen", "wollen", "dürfen", "sollen", "möchten"}
SIBILANTS = ("s", "ß", "x", "z")


@dataclass(frozen=True)
class Noun:
    """A noun: "weak" ones take the plural's form in all singular cases but one."""

    singular: str
    plural: str
    gender: str
    genitive: str = ""
    weak: bool = False


@dataclass(frozen=True)
class Adjective:
    """An adjective: `stem` takes the endings, "teuer" has "teur"."""

    base: str
    stem: str
    comparative: str


@dataclass(frozen=True)
class Verb:
    """A verb without its separable prefix, and what its perfect is made of."""

    prefix: str
    infinitive: str
    third: str
    participle: str
    auxiliary: str


def noun_form(noun: Noun, case: str, plural: bool = False) -> str:
    """Decline a noun.

    noun (Noun): The noun.
    case (str): One of "nom", "acc", "dat", "gen".
    plural (bool): Whether there are several.
    RETURNS (str): Its form.
    """
    if plural:
        adds_n = case == "dat" and not noun.plural.endswith(("n", "s"))
        return noun.plural + "n" * adds_n
    if noun.weak and case != "nom":
        return noun.plural
    if case == "gen" and noun.gender != "f":
        return noun.genitive or noun.singular + ("es" if noun.singular[-1] in SIBILANTS else "s")
    return noun.singular


def determiner_form(determiner: str, case: str, gender: str) -> str:
    """Decline an article, a demonstrative or a possessive.

    determiner (str): Its masculine nominative, such as "der", "ein" or "dieser"; "" for none.
    case (str): One of "nom", "acc", "dat", "gen".
    gender (str): One of "m", "f", "n", or "p" for all plurals.
    RETURNS (str): Its form; the plural of "ein" is empty.
    """
    if not determiner:
        return ""
    if determiner == "der":
        return ARTICLES[case][gender]
    if determiner in DER_WORDS:
        return determiner.removesuffix("er") + ENDINGS[case][gender]
    if determiner == "ein" and gender == "p":
        return ""
    return determiner + ("" if (case, gender) in BARE else ENDINGS[case][gender])


def adjective_form(adjective: Adjective, determiner: str, case: str, gender: str) -> str:
    """Decline an adjective: strong, weak or mixed, as the determiner asks.

    adjective (Adjective): The adjective.
    determiner (str): What stands before it, "" for nothing.
    case (str): One of "nom", "acc", "dat", "gen".
    gender (str): One of "m", "f", "n", or "p" for all plurals.
    RETURNS (str): Its form.
    """
    alone = not determiner or (determiner == "ein" and gender == "p")
    if alone or (determiner in EIN_WORDS and (case, gender) in BARE):
        ending = "en" if case == "gen" and gender in "mn" else ENDINGS[case][gender]
    elif (case == "nom" and gender != "p") or (case == "acc" and gender in "fn"):
        ending = "e"
    else:
        ending = "en"
    return adjective.stem + ending


def noun_phrase(
    noun: Noun,
    case: str,
    determiner: str = "",
    adjectives: tuple[Adjective, ...] = (),
    preposition: str = "",
    plural: bool = False,
) -> str:
    """Build a noun phrase in which all words agree.

    noun (Noun): Its head.
    case (str): One of "nom", "acc", "dat", "gen".
    determiner (str): Such as "der", "ein" or "mein", "" for none.
    adjectives (tuple[Adjective, ...]): What stands before the noun.
    preposition (str): What stands before all; it contracts with the article: "zum".
    plural (bool): Whether there are several.
    RETURNS (str): The phrase.
    """
    gender = "p" if plural else noun.gender
    opening = f"{preposition} {determiner_form(determiner, case, gender)}".strip()
    opening = CONTRACTIONS.get(opening, opening)
    middle = [adjective_form(adjective, determiner, case, gender) for adjective in adjectives]
    return " ".join(filter(None, [opening, *middle, noun_form(noun, case, plural)]))


def finite_form(verb: Verb, subject: str) -> str:
    """Conjugate a verb in the present.

    verb (Verb): The verb; its prefix is left out.
    subject (str): One of "ich", "du", "er", "wir", "Sie".
    RETURNS (str): Its form.
    """
    if verb.infinitive in IRREGULAR:
        return irregular_form(verb.infinitive, subject)
    if subject == "ich":
        return verb.infinitive.removesuffix("n").removesuffix("e") + "e"
    if subject == "du":
        stem = verb.third.removesuffix("t")
        return stem + ("t" if stem.endswith(SIBILANTS) else "st")
    return verb.third if subject == "er" else verb.infinitive


def irregular_form(infinitive: str, subject: str) -> str:
    """Look up a form of an auxiliary, a modal or "wissen".

    infinitive (str): One of `IRREGULAR`.
    subject (str): One of "ich", "du", "er", "wir", "Sie".
    RETURNS (str): Its form.
    """
    return IRREGULAR[infinitive].split()[SUBJECTS.index(subject)]


def verb_bracket(
    verb: Verb,
    subject: str,
    middle: str = "",
    *,
    modal: str = "",
    perfect: bool = False,
    final: bool = False,
) -> str:
    """Put the parts of the verb around the middle of a clause.

    The finite part comes first, so that a main clause is whatever stands before it and
    this bracket, and a question is this bracket alone. Subordinate clauses have it last.

    verb (Verb): The verb.
    subject (str): Whom it agrees with: one of "ich", "du", "er", "wir", "Sie".
    middle (str): All that stands between its parts.
    modal (str): The infinitive of a modal verb, "" for none.
    perfect (bool): Whether the clause is about the past.
    final (bool): Whether the finite part comes last.
    RETURNS (str): The clause from its finite verb, or up to it.
    """
    if modal:
        finite, closing = irregular_form(modal, subject), verb.prefix + verb.infinitive
    elif perfect:
        finite, closing = irregular_form(verb.auxiliary, subject), verb.participle
    else:
        finite, closing = finite_form(verb, subject), verb.prefix
    if final:
        ending = f"{closing} {finite}" if modal or perfect else closing + finite
        return f"{middle} {ending}".strip()
    return " ".join(filter(None, [finite, middle, closing]))


def infinitive_clause(verb: Verb, middle: str = "") -> str:
    """Build a clause with "zu", which goes between a separable prefix and its verb.

    verb (Verb): The verb.
    middle (str): All that stands before it.
    RETURNS (str): The clause.
    """
    verbs = f"{verb.prefix}zu{verb.infinitive}" if verb.prefix else f"zu {verb.infinitive}"
    return f"{middle} {verbs}".strip()
