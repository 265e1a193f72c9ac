"""Translate with terms, and compare with translations without them.

    python benchmarks/terms.py training/phrasebook/model-best
    python benchmarks/terms.py MODEL --pairs val.en val.de --learn train.en train.de
    python benchmarks/terms.py MODEL --pairs val.en val.de --learn train.en train.de --kept
    python benchmarks/terms.py MODEL --pairs val.en val.de --learn train.en train.de --swapped

Terms are words of the references: those that statistical alignment links with one word of the
source. So the right form is known. Counted are the terms that a translation has exactly once, and
BLEU: of whole translations, and of the rest, without the terms on both sides. Both ways are timed
in turns. With --swapped, nouns are replaced by others, in terms and references: BLEU with the
attention at terms, and without. With --kept, URLs and the like stand for nouns, in sources and
references: translated like any text, as terms, and by stand-ins.
"""

import argparse
import re
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import NamedTuple

import sacrebleu
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_rnn.generation.dynamic_beam import DynamicBeam
from spacy_rnn.pipeline.translator.keep import NO_LANGUAGE
from spacy_rnn.text.aligner import Aligner

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from make_phrasebook import compose
from phrasebook.english import write

SIZES = {"train": 15_000, "dev": 300, "test": 3000}
KEPT = (
    "https://example.com/docs?id=7",
    "www.spacy.io",
    "anna@example.com",
    "{name}",
    "%s",
    "{count}",
    "`x = 1`",
)
Pair = tuple[str, str]


class Marked(NamedTuple):
    """A source, its reference, and its terms: tokens of the source, and words."""

    source: str
    reference: str
    terms: list[tuple[int, str]]


def main() -> None:
    """Print how many terms are there, BLEU, and the time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", help="a translator from English to German")
    parser.add_argument("--pairs", nargs=2, help="lines to translate, and their references")
    parser.add_argument("--learn", nargs=2, help="pairs of lines to learn alignments from")
    parser.add_argument("--terms", type=int, default=2000, help="the number of terms")
    parser.add_argument("--most", type=int, default=2, help="terms of a sentence, at most")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is timed")
    parser.add_argument("--swapped", action="store_true", help="replace nouns by other nouns")
    parser.add_argument("--kept", action="store_true", help="replace nouns by URLs and the like")
    args = parser.parse_args()
    if args.pairs:
        pairs, learned = read(args.pairs), read(args.learn or args.pairs)
    else:
        records = compose(SIZES)
        pairs, learned = (
            [(write(list(each.words))[0], each.translation) for each in records[name]]
            for name in ("test", "train")
        )
    nlp = spacy.load(args.model)
    found = find_terms(nlp, pairs, learned, args.terms, args.most)
    if args.swapped:
        compare_placement(nlp, swap_nouns(found))
    elif args.kept:
        compare_kept(nlp, found)
    else:
        compare(nlp, found, args.rounds)


def read(paths: Sequence[str]) -> list[Pair]:
    """Read pairs of lines."""
    sources, targets = (Path(path).read_text("utf8").splitlines() for path in paths)
    return list(zip(sources, targets, strict=True))


def find_terms(
    nlp: Language, pairs: list[Pair], learned: list[Pair], most: int, of_sentence: int
) -> list[Marked]:
    """Find words that are linked with each other."""
    random, german = Random(0), spacy.blank("de")
    numbers: dict[str, int] = {}
    numbered = [
        tuple(
            [numbers.setdefault(token.text, len(numbers)) for token in make(text)]
            for make, text in zip((nlp.make_doc, german.make_doc), pair, strict=True)
        )
        for pair in chain(pairs, learned)
    ]
    aligner = Aligner(numbered, len(numbers), len(numbers))
    found: list[Marked] = []
    count = 0
    for index in random.sample(range(len(pairs)), len(pairs)):
        source, reference = pairs[index]
        sides = numbered[index]
        (links,) = aligner.align([sides[0]], [sides[1]])
        terms = [
            (int(links[place].argmax()), token.text)
            for place, token in enumerate(german.make_doc(reference))
            if token.is_alpha
            and len(token) >= 4
            and links[place].max() >= 0.5
            and count_word(reference, token.text) == 1
        ]
        random.shuffle(terms)
        terms = sorted(terms[:of_sentence])[: most - count]
        if terms:
            found.append(Marked(source, reference, terms))
            count += len(terms)
    return found


def count_word(text: str, word: str) -> int:
    """Count a word in a text."""
    return len(re.findall(rf"\b{word}\b", text))


def find_nouns(found: list[Marked]) -> list[Marked]:
    """Find the terms that have a capital within a sentence."""
    nouns = [
        each._replace(
            terms=[
                (place, word)
                for place, word in each.terms
                if word[0].isupper() and not each.reference.startswith(word)
            ]
        )
        for each in found
    ]
    return [each for each in nouns if each.terms]


def swap_nouns(found: list[Marked]) -> list[Marked]:
    """Replace nouns by others, in terms and references."""
    random, nouns = Random(1), find_nouns(found)
    words = sorted({word for each in nouns for _, word in each.terms})
    swapped = []
    for source, reference, terms in nouns:
        others = [(place, random.choice(words)) for place, _ in terms]
        for (_, word), (_, other) in zip(terms, others, strict=True):
            reference = re.sub(rf"\b{word}\b", other, reference)
        swapped.append(Marked(source, reference, others))
    return swapped


def mark(nlp: Language, marked: Marked) -> Doc:
    """Mark tokens of a source by the words that have to stand for them."""
    doc = nlp.make_doc(marked.source)
    doc.spans["terms"] = [
        Span(doc, place, place + 1, label="TERM", span_id=word) for place, word in marked.terms
    ]
    return doc


def compare(nlp: Language, found: list[Marked], rounds: int) -> None:
    """Translate with terms and without, in turns."""
    plain = [each._replace(terms=[]) for each in found]
    ways = {"without": plain, "with terms": found}
    translations: dict[str, list[str]] = {}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, marked in ways.items():
            docs = [mark(nlp, each) for each in marked]
            start = time.perf_counter()
            translated = nlp.pipe(docs, batch_size=1000)
            translations[way] = [doc._.translation for doc in translated]
            times[way].append(time.perf_counter() - start)
    words = [[word for _, word in each.terms] for each in found]
    references = [each.reference for each in found]
    total = sum(map(len, words))
    for way, texts in translations.items():
        there = sum(
            count_word(text, word) == of_text.count(word)
            for text, of_text in zip(texts, words, strict=True)
            for word in of_text
        )
        rest = score(map(strike_out, texts, words), map(strike_out, references, words))
        print(
            f"{way}: {there} of {total} terms as often as asked for ({there / total:.2%}), BLEU "
            f"{score(texts, references):.2f}, of the rest {rest:.2f}, {min(times[way]):.2f} s"
        )
    print(
        f"time with terms: {min(times['with terms']) / min(times['without']):.2f} of that without"
    )


def strike_out(text: str, words: Sequence[str]) -> str:
    """Leave words out of a text, each once."""
    for word in words:
        text = re.sub(rf"\b{word}\b", "", text, count=1)
    return " ".join(text.split())


def compare_placement(nlp: Language, marked: list[Marked]) -> None:
    """Translate with the attention at terms, and without."""
    place = DynamicBeam._place
    for way in ("with the attention", "without"):
        DynamicBeam._place = place if way != "without" else lambda *_: None
        docs = nlp.pipe([mark(nlp, each) for each in marked], batch_size=1000)
        bleu = score([doc._.translation for doc in docs], [each.reference for each in marked])
        print(f"{sum(len(each.terms) for each in marked)} terms, {way}: BLEU {bleu:.2f}")


def compare_kept(nlp: Language, found: list[Marked]) -> None:
    """Translate text that is kept in three ways."""
    random = Random(0)
    sources, references, ranges, texts_kept = [], [], [], []
    for source, reference, ((place, word), *_) in find_nouns(found):
        token, kept = nlp.make_doc(source)[place], random.choice(KEPT)
        sources.append(source[: token.idx] + kept + source[token.idx + len(token) :])
        references.append(re.sub(rf"\b{word}\b", lambda _, kept=kept: kept, reference))
        ranges.append((token.idx, token.idx + len(kept)))
        texts_kept.append(kept)
    translator = next(
        name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "rnn_translator"
    )
    for way in ("like any text", "as terms", "by stand-ins"):
        docs = [nlp.make_doc(source) for source in sources]
        if way == "as terms":
            for doc, (first, last) in zip(docs, ranges, strict=True):
                doc.spans["keep"] = [doc.char_span(first, last, alignment_mode="expand")]
        settings = {translator: {"keep": NO_LANGUAGE if way == "by stand-ins" else ()}}
        start = time.perf_counter()
        translated = nlp.pipe(docs, batch_size=1000, component_cfg=settings)
        texts = [doc._.translation for doc in translated]
        seconds = time.perf_counter() - start
        there = sum(text.count(kept) == 1 for text, kept in zip(texts, texts_kept, strict=True))
        print(
            f"{way}: {there} of {len(texts)} there once, BLEU {score(texts, references):.2f}, "
            f"{seconds:.2f} s"
        )


def score(texts: Sequence[str], references: Sequence[str]) -> float:
    """Return the BLEU of translations."""
    return sacrebleu.corpus_bleu([*texts], [[*references]], force=True).score


if __name__ == "__main__":
    main()
