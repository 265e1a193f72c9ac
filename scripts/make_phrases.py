"""Write a small tagged corpus of travel phrases, the same at every run.

Many of its words change their part of speech with their place ("book", "light",
"that", "to"), so that a tagger has to read the context. Train and dev share no phrase.
"""

import random
from pathlib import Path

import typer

LEXICON = {
    "NOUN": "ticket room train book light watch change park drink order water address "
    "station key table window visit call return map bus coffee menu bill seat",
    "PLURAL": "tickets rooms trains books lights keys tables seats drinks orders calls maps",
    "VERB": "book watch change park drink order water address visit call return light "
    "find open close bring pay see need take",
    "PAST": "booked watched changed parked ordered visited called returned lost found "
    "opened closed brought paid saw needed took",
    "ADJ": "light open close clean cold quiet free late last early next cheap old warm",
    "PROPN": "Anna Bruno Clara Lisbon Vienna Oslo Kyoto Dublin May Rose Will Mark",
    "NUM": "two three four five ten twelve 7 20 9:30",
    "ADV": "here there now today tomorrow late early again soon",
    "DET": "the a this that every my our your",
    "PRON": "I we you they",
    "MODAL": "can could will would must",
    "ADP": "to in at from near behind by",
}
TAGS = {"PLURAL": "NOUN", "PAST": "VERB", "MODAL": "AUX"}

# A capital name stands for a word of that kind, anything else for itself and its tag.
PATTERNS = [
    "PRON MODAL VERB DET NOUN ./PUNCT",
    "PRON MODAL VERB DET ADJ NOUN ADV ./PUNCT",
    "MODAL PRON VERB DET NOUN ADP DET NOUN ?/PUNCT",
    "PRON PAST DET NOUN ADP PROPN ./PUNCT",
    "PROPN PAST that/SCONJ DET NOUN is/AUX ADJ ./PUNCT",
    "please/INTJ VERB DET NOUN ADP DET ADJ NOUN ./PUNCT",
    "VERB NUM PLURAL ADP PROPN ,/PUNCT please/INTJ ./PUNCT",
    "PRON need/VERB to/PART VERB DET NOUN ADV ./PUNCT",
    "do/AUX PRON want/VERB to/PART VERB NUM PLURAL ?/PUNCT",
    "where/SCONJ is/AUX DET NOUN that/PRON PROPN PAST ?/PUNCT",
    "is/AUX DET NOUN ADJ or/CCONJ ADJ ?/PUNCT",
    "PLURAL and/CCONJ PLURAL are/AUX ADJ ADP PROPN ./PUNCT",
    "that/PRON is/AUX DET ADJ NOUN ,/PUNCT not/PART DET NOUN ./PUNCT",
    "PROPN and/CCONJ PROPN will/AUX not/PART VERB DET NOUN ADP DET NOUN ./PUNCT",
]


def make_phrase(rng: random.Random) -> tuple[tuple[str, str], ...]:
    """Make one phrase.

    rng (random.Random): The source of choices.
    RETURNS (tuple[tuple[str, str], ...]): Words, each with its universal tag.
    """
    words = []
    for slot in rng.choice(PATTERNS).split():
        word, _, tag = slot.partition("/")
        if not tag:
            tag = TAGS.get(slot, slot)
            word = rng.choice(LEXICON[slot].split())
        words.append((word, tag))
    first, tag = words[0]
    return ((first[0].upper() + first[1:], tag), *words[1:])


def main(folder: Path, train: int = 1000, dev: int = 200, seed: int = 0) -> None:
    """Write train.conllu and dev.conllu.

    folder (Path): Where they go.
    train (int): Phrases to train on.
    dev (int): Phrases to evaluate on.
    seed (int): Chooses the phrases.
    """
    rng = random.Random(seed)
    phrases: dict[tuple[tuple[str, str], ...], None] = {}
    while len(phrases) < train + dev:
        phrases[make_phrase(rng)] = None
    folder.mkdir(parents=True, exist_ok=True)
    everything = list(phrases)
    for name, part in [("train", everything[:train]), ("dev", everything[train:])]:
        with (folder / f"{name}.conllu").open("w", encoding="utf8", newline="\n") as file:
            for phrase in part:
                for number, (word, tag) in enumerate(phrase, start=1):
                    fields = [str(number), word, word.lower(), tag, tag, *"_____"]
                    file.write("\t".join(fields) + "\n")
                file.write("\n")


if __name__ == "__main__":
    typer.run(main)
