"""Score translators."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import srsly
from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.training import Corpus, Example
from wasabi import msg

from ..checks import check_count
from ..metrics.common import references_of
from ..metrics.registry import METRICS, TRANSLATION_METRICS, title_of
from ..metrics.translation import compare_translations
from ..pipeline.translator.alignment import to_matrix
from ..training.parallel import create_parallel_corpus_v1
from .models import load_translator

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator

    pass


def evaluate_cli(
    model: str = Arg(..., help="Pipeline with a translator: a package or a folder"),
    source: Path = Arg(..., help="Test data: .spacy, .tsv, .jsonl, .parquet, or source lines"),
    target: list[Path] | None = Arg(None, help="Lines of translations, if source is text"),
    component: str | None = Opt(None, "--component", help="Translator, if there are several"),
    beam_width: int | None = Opt(None, "--beam-width", "-w", help="Sequences side by side"),
    batch_size: int = Opt(256, "--batch-size", "-b", help="Documents to read ahead"),
    against: str | None = Opt(None, "--against", "-a", help="Another pipeline to compare with"),
    output: Path | None = Opt(None, "--output", "-o", help="File for the scores, JSON"),
    samples: Path | None = Opt(None, "--samples", help="File for translations, JSON"),
    n_samples: int = Opt(20, "--n-samples", help="How many translations to write there"),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """
    Score a translator: BLEU, chrF and TER with their signatures, perplexity
    and speed. With --against, a paired bootstrap tells whether two pipelines
    differ.
    """
    targets = [str(path) for path in target or []]
    try:
        check_count("batch_size", batch_size, 1)
        nlp, translator = load_translator(model, component, gpu_id)
        examples = read_examples(nlp, source, targets, translator.attr)
        scores = evaluate(nlp, translator, examples, beam_width, batch_size)
        rows = [(title_of(key), f"{scores[key]:.2f}") for key in METRICS if key in scores]
        msg.table([*rows, *_signatures(scores)], aligns=("l", "l"), header=("Score", model))
        if against is not None:
            other_nlp, other = load_translator(against, component, gpu_id)
            others = read_examples(other_nlp, source, targets, other.attr)
            scores["against"] = evaluate(other_nlp, other, others, beam_width, batch_size)
            scores["comparison"] = compare_translations(
                [each.predicted._.get(translator.attr) for each in examples],
                [each.predicted._.get(other.attr) for each in others],
                [references_of(each, translator.attr) for each in examples],
            )
            msg.table(
                [
                    (
                        title_of(key),
                        f"{each['score']:.2f}",
                        f"{each['other']:.2f}",
                        f"{each['p']:.4f}",
                    )
                    for key, each in scores["comparison"].items()
                ],
                header=("Score", model, against, "p"),
            )
        _write(output, scores)
        _write(samples, describe(examples[:n_samples], translator.attr))
    except (OSError, ValueError) as error:
        msg.fail("Could not evaluate", str(error), exits=1)


def evaluate(
    nlp: Language,
    translator: "RecurrentTranslator",
    examples: list[Example],
    beam_width: int | None = None,
    batch_size: int = 256,
) -> dict[str, Any]:
    """Translate test data and score the translations.

    nlp (Language): The pipeline.
    translator (RecurrentTranslator): Its translator.
    examples (list[Example]): The test data, which get the translations.
    beam_width (int | None): Sequences side by side; None for the pipeline's own.
    batch_size (int): Documents to read ahead.
    RETURNS (dict[str, Any]): The scores without the name of the component, with
        "sentences_per_second".
    RAISES (ValueError): If there are no references.
    """
    if not any(references_of(example, translator.attr) for example in examples):
        raise ValueError(
            f"The data have no translations in doc._.{translator.attr}: convert them with "
            f"python -m spacy rnn convert"
        )
    settings = {} if beam_width is None else {"beam_width": beam_width}
    start = perf_counter()
    docs = nlp.pipe(
        (example.reference.text for example in examples),
        batch_size=batch_size,
        component_cfg={translator.name: settings},
    )
    for example, doc in zip(examples, docs, strict=True):
        example.predicted = doc
    seconds = perf_counter() - start
    prefix = len(translator.name) + 1
    scores = {key[prefix:]: value for key, value in translator.score(examples).items()}
    return {**scores, "sentences_per_second": len(examples) / seconds}


def read_examples(nlp: Language, source: Path, targets: list[str], attr: str) -> list[Example]:
    """Read test data.

    nlp (Language): The pipeline whose tokenizer cuts the source.
    source (Path): A .spacy file, or what `spacy-rnn.ParallelCorpus.v1` reads.
    targets (list[str]): Files of translations, where source is lines.
    attr (str): The custom attribute for translations.
    RETURNS (list[Example]): The examples.
    """
    if source.suffix == ".spacy":
        return list(Corpus(source)(nlp))
    corpus = create_parallel_corpus_v1(source, targets or None, attr=attr, on_empty="keep")
    return list(corpus(nlp))


def describe(examples: list[Example], attr: str) -> list[dict[str, Any]]:
    """Describe translations for a report.

    examples (list[Example]): Examples with translations.
    attr (str): The custom attribute that holds them.
    RETURNS (list[dict[str, Any]]): For each "source", "translation", "references", "score",
        and an "alignment" of "source" tokens, "target" pieces and "weights".
    """
    samples = []
    for example in examples:
        doc = example.predicted
        best = doc._.get(f"{attr}s")[0]
        samples.append(
            {
                "source": doc.text,
                "translation": best["text"],
                "references": references_of(example, attr),
                "score": best["score"],
                "alignment": to_matrix(doc, best),
            }
        )
    return samples


def _write(path: Path | None, data: Any) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(path, data)


def _signatures(scores: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"Signature of {metric.label}", scores[f"{key}_signature"])
        for key, metric in TRANSLATION_METRICS.items()
        if f"{key}_signature" in scores
    ]
