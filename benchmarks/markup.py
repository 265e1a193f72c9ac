"""Translate sentences with tags: whether they all come back, where, and how long that takes.

    python benchmarks/markup.py training/phrasebook/model-best

Elements are drawn from a seed, in sentences of the phrasebook or of a file, nested and crossing.
Where they belong is known for translations of test and dev that are the reference: around the
words that the phrasebook's grammar links with those that they were around. Elements are drawn
there whose words all have sure links, to words that have none to others.
"""

import argparse
import random
import sys
import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import median

import spacy
from alignment import read_links
from spacy.language import Language

from spacy_rnn.pipeline.translator.markup.documents import translate_markup
from spacy_rnn.pipeline.translator.nesting import Tag
from spacy_rnn.pipeline.translator.tags import project_tags

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from make_phrasebook import Record, compose

SIZES = {"train": 15_000, "dev": 300, "test": 300}
GERMAN = spacy.blank("de")
Span = tuple[int, int]
"""The first one of some, and the one after the last."""


def main() -> None:
    """Print what comes back, how much of it is right, and the time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", help="a translator; from English to German for what is right")
    parser.add_argument("--sentences", type=Path, help="a file of lines, not the phrasebook")
    parser.add_argument("--limit", type=int, default=5000, help="sentences")
    parser.add_argument("--rounds", type=int, default=5, help="how often time is taken")
    parser.add_argument("--errors", action="store_true", help="show elements that are wrong")
    args = parser.parse_args()
    nlp = spacy.load(args.model)
    if args.sentences is None:
        records = compose(SIZES)
        texts = [record.text for record in records["train"][: args.limit]]
        count_right(nlp, [*records["test"], *records["dev"]], args.errors)
    else:
        texts = args.sentences.read_text(encoding="utf8").splitlines()[: args.limit]
    rng = random.Random(0)
    marked = [add_tags(nlp, text, rng) for text in texts]
    count_kept(nlp, texts, [tags for tags, _ in marked])
    compare_time(nlp, texts, [page for _, page in marked], args.rounds)


def add_tags(nlp: Language, text: str, rng: random.Random) -> tuple[list[Tag], str]:
    """Add one to four elements to a text, in each other, beside each other, crossing or empty."""
    words = [token for token in nlp.make_doc(text) if not token.is_space]
    ends = []
    for element in range(rng.randint(1, 4)):
        start = rng.randrange(len(words))
        end = min(start + rng.randint(0, 4), len(words))
        first = words[start].idx
        ends.append((first, 1, element))
        if end > start:
            ends.append((words[end - 1].idx + len(words[end - 1]), 0, element))
    tags = [Tag(position, element) for position, _, element in sorted(ends)]
    return tags, write_tags(text, tags)


def write_tags(text: str, tags: list[Tag]) -> str:
    """Write a text with its tags."""
    numbers = Counter(tag.element for tag in tags)
    written, last, seen = "", 0, set()
    for position, element in tags:
        written += text[last:position]
        is_start = element not in seen and numbers[element] == 2
        written += (
            f"<e{element}>" if is_start else f"</e{element}>" if element in seen else "<wbr>"
        )
        seen.add(element)
        last = position
    return written + text[last:]


def count_kept(nlp: Language, texts: list[str], marked: list[list[Tag]]) -> None:
    """Count tags that are lost or invented, and elements that are not in each other as before."""
    counts: Counter[str] = Counter()
    for doc, tags in zip(nlp.pipe(texts, batch_size=1000), marked, strict=True):
        found = project_tags(doc, tags, GERMAN.make_doc)
        before, after = (Counter(tag.element for tag in each) for each in (tags, found))
        counts["tags"] += len(tags)
        counts["lost"] += (before - after).total()
        counts["invented"] += (after - before).total()
        pairs = combinations(before, 2)
        same = [relate(tags, *pair) == relate(found, *pair) for pair in pairs]
        counts["pairs"] += len(same)
        counts["torn"] += len(same) - sum(same)
    print(
        f"{len(texts)} texts, {counts['tags']} tags: {counts['lost']} lost, "
        f"{counts['invented']} invented; {counts['pairs']} pairs of elements: {counts['torn']} "
        f"not as they were, in, apart from or across each other"
    )


def relate(tags: list[Tag], one: int, other: int) -> str:
    """Say how two elements lie to each other, whichever comes first if they are apart."""
    order = "".join("ab"[tag.element == other] for tag in tags if tag.element in (one, other))
    is_apart = "ab" not in order or "ba" not in order
    return "apart" if is_apart else order


def count_right(nlp: Language, records: list[Record], shows_errors: bool) -> None:
    """Count the elements that are around the right words."""
    rng = random.Random(0)
    compared = elements = right = 0
    docs = nlp.pipe([record.text for record in records])
    for doc, record in zip(docs, records, strict=True):
        if doc._.translation != record.translation:
            continue
        compared += 1
        places = find_places(record)
        spans = nest(sorted(places), rng)
        offsets = find_words(record)
        ends = [(offsets[end - 1][1], 0, -index) for index, (_, end) in enumerate(spans)]
        ends += [(offsets[start][0], 1, index) for index, (start, _) in enumerate(spans)]
        tags = [Tag(position, abs(index)) for position, _, index in sorted(ends)]
        found = project_tags(doc, tags, GERMAN.make_doc)
        for index, span in enumerate(spans):
            start, end = (tag.position for tag in found if tag.element == index)
            is_right = (start, end) in places[span]
            elements += 1
            right += is_right
            if shows_errors and not is_right:
                source = doc.text[offsets[span[0]][0] : offsets[span[1] - 1][1]]
                print(f"{doc.text} | {source} | {doc._.translation[start:end]}")
    print(
        f"{compared} of {len(records)} sentences are translated as the reference is: {right} of "
        f"{elements} elements ({right / max(elements, 1):.1%}) around exactly the right words"
    )


def find_words(record: Record) -> list[Span]:
    """Find the characters of the English words."""
    text = record.text
    found, last = [], 0
    for word in record.words:
        start = text.index(word.text, last)
        last = start + len(word.text)
        found.append((start, last))
    return found


def find_places(record: Record) -> dict[Span, set[Span]]:
    """Find, for spans of words, the characters of their translation.

    Words without sure links may be in it or not at its ends, as their possible links allow.
    """
    tokens = list(GERMAN.make_doc(record.translation))
    sure, possible = read_links(record)
    found = {}
    for start in range(len(record.words)):
        for end in range(start + 1, min(start + 4, len(record.words)) + 1):
            inside = {target for target, source in sure if start <= source < end}
            outside = {target for target, source in sure if not start <= source < end}
            is_linked = {source for _, source in sure}.issuperset(range(start, end))
            if not is_linked or inside & outside:
                continue
            first, last = min(inside), max(inside)
            if outside & set(range(first, last + 1)):
                continue
            allowed = {target for target, source in possible if start <= source < end} - outside
            starts = _extend(first, -1, allowed)
            ends = _extend(last, 1, allowed)
            found[start, end] = {
                (tokens[one].idx, tokens[other].idx + len(tokens[other]))
                for one in starts
                for other in ends
            }
    return found


def _extend(place: int, step: int, allowed: set[int]) -> list[int]:
    places = [place]
    while places[-1] + step in allowed:
        places.append(places[-1] + step)
    return places


def nest(spans: list[Span], rng: random.Random) -> list[Span]:
    """Draw up to three spans that are in each other or apart, the outer ones first."""
    rng.shuffle(spans)
    chosen: list[Span] = []
    for start, end in spans:
        fits = (
            end <= first
            or last <= start
            or first <= start <= end <= last
            or start <= first <= last <= end
            for first, last in chosen
        )
        if len(chosen) < 3 and all(fits):
            chosen.append((start, end))
    return sorted(chosen, key=lambda span: (span[0], -span[1]))


def compare_time(nlp: Language, texts: list[str], marked: list[str], rounds: int) -> None:
    """Compare the processor's time for a page with tags and for its texts, in turns."""
    page = "".join(f"<p>{text}</p>\n" for text in marked)
    ratios = []
    for _ in range(rounds):
        start = time.process_time()
        plain = [doc._.translation for doc in nlp.pipe(texts, batch_size=1000)]
        between = time.process_time()
        written = translate_markup(nlp, page)
        end = time.process_time()
        ratios.append((end - between) / (between - start))
        assert written.count("<p>") == len(plain)
    print(f"time of a page with tags, by that of its texts: {median(ratios):.2f}")


if __name__ == "__main__":
    main()
