"""Write a travel phrasebook in English and German, the same at every run.

Each record is a line of JSON: an English sentence with its translation, its tokens as
spaCy's English tokenizer cuts them, their universal part-of-speech tags, its entities and
its intent. Grammar, words and sentences are in `phrasebook/`.

Train, dev and test show the same words and the same kinds of sentences, and differ in what
stands together. Any two entries that fill slots of one sentence are a pair, such as "pizza"
and "fresh"; for a sentence of one slot the pair is the sentence and its entry. A hash of the
pair says to which part it belongs: 4 % to dev, 4 % to test, the rest to train. A sentence with
a pair of test's goes to test, one with a pair of dev's to dev, and one with both to neither,
so that train never shows a pair that is dev's or test's, whatever the sentence.
"""

import gzip
import json
import random
import re
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations, cycle
from pathlib import Path

import typer
from phrasebook.english import Token, contract, without_capital, write
from phrasebook.lexicon import Entry, Lexicon, read_lexicon
from phrasebook.links import Links, link
from phrasebook.marks import Entity, Word
from phrasebook.sentences import Filling, Sentence, read_sentences

Pair = tuple[str, str]

HELD_OUT = 0.04
# A word form that dev or test shows has been seen so often in train.
MIN_COUNT = 3
# The share of sentences in which "I would" is "I'd" and "do not" is "don't".
CONTRACTED = 0.5
# The shares that are typed in haste: without a capital, and without a full stop at the end.
HASTY = 0.08
# Travellers speak of themselves: how much more often than other persons.
FREQUENT = {"I": 8, "we": 3}


@dataclass(frozen=True)
class Record:
    """A sentence in both languages; `pairs` are the entries that stand together in it."""

    words: tuple[Token, ...]
    translation: str
    translation_entities: tuple[Entity, ...]
    translation_words: tuple[Word, ...]
    sentence: Sentence
    pairs: frozenset[Pair]

    @property
    def text(self) -> str:
        """The English sentence."""
        return write(list(self.words))[0]

    @property
    def links(self) -> Links:
        """The links between the words of both languages."""
        return link(self.words, self.translation, self.translation_words)

    @property
    def forms(self) -> set[str]:
        """The word forms of both languages, distinguished by the language."""
        german = re.findall(r"\w+|[^\w\s]", self.translation)
        return {f"en {word.text}" for word in self.words} | {f"de {word}" for word in german}

    def to_json(self) -> str:
        """Write it as a line.

        RETURNS (str): The JSON, without the end of the line.
        """
        text, entities = write(list(self.words))
        fields = {
            "text": text,
            "translation": self.translation,
            "tokens": [word.text for word in self.words],
            "tags": [word.tag for word in self.words],
            "entities": entities,
            "intent": self.sentence.intent,
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def part_of_pair(pair: Pair, seed: int) -> str:
    """Say where a pair belongs.

    pair (tuple[str, str]): The pair.
    seed (int): Makes another choice.
    RETURNS (str): "train", "dev" or "test".
    """
    digest = blake2b(" + ".join((str(seed), *pair)).encode("utf8"), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    return "test" if share < HELD_OUT else "dev" if share < 2 * HELD_OUT else "train"


def part_of_record(record: Record, seed: int) -> str:
    """Say where a record belongs.

    record (Record): The record.
    seed (int): Makes another choice.
    RETURNS (str): "train", "dev", "test", or "" if its pairs are those of dev and of test.
    """
    parts = {part_of_pair(pair, seed) for pair in record.pairs} - {"train"}
    return "" if len(parts) > 1 else next(iter(parts), "train")


def draw(sentence: Sentence, lexicon: Lexicon, rng: random.Random) -> Record:
    """Fill a sentence's slots with different entries.

    sentence (Sentence): The sentence.
    lexicon (Lexicon): The entries.
    rng (random.Random): The source of choices.
    RETURNS (Record): The sentence in both languages.
    """
    chosen: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for slot, category in sentence.slots.items():
        names = [name for name in lexicon.categories[category] if name not in chosen.values()]
        (chosen[slot],) = rng.choices(names, [FREQUENT.get(name, 1) for name in names])
        entries[slot] = lexicon.categories[category][chosen[slot]]
    words, translation, found, other = sentence.say(Filling(entries, lexicon))
    if rng.random() < CONTRACTED:
        words = contract(words)
    if rng.random() < HASTY:
        words = without_capital(words)
    if rng.random() < HASTY:
        words = words[:-1]
    together = [sentence.source, *chosen.values()] if len(chosen) == 1 else sorted(chosen.values())
    pairs = frozenset((first, second) for first, second in combinations(together, 2))
    return Record(tuple(words), translation, tuple(found), tuple(other), sentence, pairs)


def compose(sizes: dict[str, int], seed: int = 0) -> dict[str, list[Record]]:
    """Make the records of all parts.

    sizes (dict[str, int]): Records of each part, "train", "dev" and "test".
    seed (int): Chooses them.
    RETURNS (dict[str, list[Record]]): The records of each part, in a mixed order.
    RAISES (ValueError): If the sentences do not give as many.
    """
    lexicon = read_lexicon()
    intents: dict[str, list[Sentence]] = {}
    for sentence in read_sentences():
        intents.setdefault(sentence.intent, []).append(sentence)
    shares = {
        intent: {part: _share(size, number, len(intents)) for part, size in sizes.items()}
        for number, intent in enumerate(intents)
    }
    rng = random.Random(seed)
    seen: dict[str, str] = {}
    pools = {
        intent: _fill(shares[intent], sentences, lexicon, rng, seen, seed)
        for intent, sentences in intents.items()
    }
    train = [record for pool in pools.values() for record in pool.get("train", [])]
    counts = Counter(form for record in train for form in record.forms)
    parts: dict[str, list[Record]] = {}
    for part, size in sizes.items():
        parts[part] = train
        if part != "train":
            # Some intents are too small for their share: others fill it up.
            chosen: list[Record] = []
            spare: list[Record] = []
            for intent, pool in pools.items():
                records = _known(pool[part], counts)
                chosen += records[: shares[intent][part]]
                spare += records[shares[intent][part] :]
            rng.shuffle(spare)
            parts[part] = (chosen + spare)[:size]
        if len(parts[part]) < size:
            raise ValueError(
                f"{part} has {len(parts[part])} records of {size} whose words train shows "
                f"{MIN_COUNT} times: ask for fewer or write more sentences"
            )
        rng.shuffle(parts[part])
    return parts


def _share(total: int, number: int, count: int) -> int:
    """Divide a total as evenly as whole numbers allow."""
    return total * (number + 1) // count - total * number // count


def _known(records: list[Record], counts: Counter[str]) -> list[Record]:
    """Keep the records all of whose words train shows often enough."""
    return [
        record for record in records if min(counts[form] for form in record.forms) >= MIN_COUNT
    ]


def _fill(
    share: dict[str, int],
    sentences: list[Sentence],
    lexicon: Lexicon,
    rng: random.Random,
    seen: dict[str, str],
    seed: int,
) -> dict[str, list[Record]]:
    """Take the sentences in turn until each part has its share, and dev and test three times that.

    Some of theirs will be left out, for words that train hardly knows.
    """
    wanted = {part: size if part == "train" else 3 * size for part, size in share.items()}
    pool: dict[str, list[Record]] = {part: [] for part in wanted}
    for tries, sentence in enumerate(cycle(sentences)):
        if all(len(pool[part]) == size for part, size in wanted.items()):
            break
        if tries > 100 * sum(wanted.values()):
            if len(pool["train"]) == wanted["train"]:
                break
            raise ValueError(
                f"{sentence.intent} has no {wanted} different sentences: write more of them or "
                f"ask for fewer"
            )
        record = draw(sentence, lexicon, rng)
        part = part_of_record(record, seed)
        is_new = record.text not in seen and seen.get(record.translation, part) == part
        if part in wanted and len(pool[part]) < wanted[part] and is_new:
            pool[part].append(record)
            seen |= dict.fromkeys((record.text, record.translation), part)
    return pool


def main(folder: Path, train: int = 15000, dev: int = 300, test: int = 300, seed: int = 0) -> None:
    """Write train.jsonl.gz, dev.jsonl and test.jsonl.

    folder (Path): Where they go.
    train (int): Records to train on.
    dev (int): Records to choose settings by.
    test (int): Records to measure with.
    seed (int): Chooses the records.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part, records in compose({"train": train, "dev": dev, "test": test}, seed).items():
        lines = "".join(record.to_json() + "\n" for record in records).encode("utf8")
        if part == "train":
            (folder / "train.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
        else:
            (folder / f"{part}.jsonl").write_bytes(lines)


if __name__ == "__main__":
    typer.run(main)
