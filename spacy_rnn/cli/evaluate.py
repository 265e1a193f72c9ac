"""Score the components of a pipeline on test data."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from spacy.cli._util import Arg, Opt
from spacy.cli.evaluate import handle_scores_per_type
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from wasabi import msg

from ..checks import check_count
from ..metrics.common import references_of
from ..metrics.registry import TRANSLATION_METRICS, find_metric, format_score, title_of
from ..metrics.translation import compare_translations, tokenization_of
from ..progress import track
from ..training.atomic import replace_json
from ..training.examples import read_examples
from ..training.readers.registry import list_formats
from .messages import fail
from .models import choose_translator, join_ensemble, load_components, translators_of
from .outputs import check_outputs
from .samples import make_samples

SPACY_LABELS = {
    "tag_acc": "TAG",
    "pos_acc": "POS",
    "morph_acc": "MORPH",
    "ents_p": "NER P",
    "ents_r": "NER R",
    "ents_f": "NER F",
    "cats_score": "TEXTCAT",
}
"""dict[str, str]: The scores of spaCy's own scorers, labelled as by `spacy benchmark accuracy`."""


class Evaluation(NamedTuple):
    """Scores of components, and what they were computed from.

    scores (dict[str, dict[str, Any]]): By component its scores, by the names that they have in a
        config too, such as "rnn_translator_bleu" and "ents_f".
    speeds (dict[str, float]): "speed" in words per second, and with a translator
        "sentences_per_second".
    examples (list[Example]): The test data with predictions.
    """

    scores: dict[str, dict[str, Any]]
    speeds: dict[str, float]
    examples: list[Example]

    def to_dict(self) -> dict[str, Any]:
        """Return all scores and speeds by name.

        RETURNS (dict[str, Any]): The scores.
        """
        merged: dict[str, Any] = {}
        for scores in self.scores.values():
            merged.update(scores)
        return {**merged, **self.speeds}


class Row(NamedTuple):
    """A line of the table of scores."""

    component: str
    label: str
    key: str
    value: str


EXAMPLES = """
python -m spacy rnn evaluate training/model-best test.spacy -o scores.json
python -m spacy rnn evaluate training/model-best test.en test.de -s texts.json
python -m spacy rnn evaluate new/model-best test.tsv --against old/model-best
"""


def evaluate_cli(
    model: str = Arg(..., help="Pipeline: the name of a package, or a folder"),
    source: Path = Arg(
        ..., help="Test data: a .spacy file, or another format that convert reads", exists=True
    ),
    target: list[Path] | None = Arg(
        None, help="Files of translations, if the test data are lines of text"
    ),
    format: str | None = Opt(
        None, "--format", "-f", help=f"Format, if not that of the suffix: {list_formats()}"
    ),
    component: str | None = Opt(None, "--component", help="Component to score, instead of all"),
    ensemble: list[str] | None = Opt(
        None,
        "--ensemble",
        "-e",
        help="Another pipeline that translates together with the first; repeat for several",
    ),
    beam_width: int | None = Opt(
        None, "--beam-width", "-w", help="Beam width of translators, instead of their own"
    ),
    batch_size: int = Opt(256, "--batch-size", "-b", help="Number of texts to read ahead"),
    against: str | None = Opt(None, "--against", "-a", help="Pipeline to compare with"),
    output: Path | None = Opt(None, "--output", "-o", help="JSON file for the scores"),
    samples: Path | None = Opt(
        None, "--samples", "-s", help="JSON file for translations or generated texts"
    ),
    n_samples: int = Opt(20, "--n-samples", help="Number of texts in that file"),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Score the components of a pipeline on test data.

    Translators get BLEU, chrF, chrF++ and TER with their signatures,
    perplexity and speed; taggers, entity recognizers, text classifiers and
    language models the scores of their scorers. With --against, translators
    are compared by paired bootstrap resampling.
    """
    targets = [str(path) for path in target or []]

    def evaluate_model(name: str, others: Iterable[str] = ()) -> tuple[Language, Evaluation]:
        nlp, names = load_components(name, component, gpu_id)
        if others:
            join_ensemble(choose_translator(nlp, name, component), others, gpu_id)
        examples = load_examples(nlp, names, source, targets, format)
        return nlp, evaluate(nlp, names, examples, beam_width=beam_width, batch_size=batch_size)

    try:
        check_count("batch_size", batch_size, 1)
        pipelines = [model, *(ensemble or []), against]
        check_outputs([output, samples], [*pipelines, source, *targets])
        nlp, evaluation = evaluate_model(model, ensemble or [])
        scores = evaluation.to_dict()
        if against is None:
            _print_scores(evaluation)
        else:
            other_nlp, other = evaluate_model(against)
            scores["against"] = other.to_dict()
            scores["comparison"] = compare(nlp, evaluation, other_nlp, other)
            _print_comparison(evaluation, other, scores["comparison"], (model, against))
        _print_details(evaluation)
        _write(output, scores)
        if samples is not None:
            texts = make_samples(nlp, list(evaluation.scores), evaluation.examples, n_samples)
            _write(samples, texts)
    except (ImportError, OSError, ValueError) as error:
        fail("Could not evaluate", error)


def evaluate(
    nlp: Language,
    names: Iterable[str],
    examples: list[Example],
    *,
    beam_width: int | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Run a pipeline on test data and score some of its components.

    nlp (Language): The pipeline.
    names (Iterable[str]): The components to score.
    examples (list[Example]): The test data.
    beam_width (int | None): The beam width of translators; None for their own.
    batch_size (int): Documents to read ahead.
    RETURNS (Evaluation): The scores.
    RAISES (ValueError): If there is no reference for the only component, a translator.
    """
    names = _with_references(nlp, list(names), examples)
    translators = translators_of(nlp, names)
    settings: dict[str, Any] = {"detail": "alignments"}  # Which samples show.
    if beam_width is not None:
        settings["beam_width"] = beam_width
    scorer = _RecordingScorer(nlp=nlp)
    with _showing_progress(nlp, len(examples)):
        scores = nlp.evaluate(
            examples,
            batch_size=batch_size,
            scorer=scorer,
            component_cfg=dict.fromkeys(translators, settings),
            per_component=True,
        )
    speeds = {"speed": scores["speed"]}
    words = sum(len(example.predicted) for example in scorer.examples)
    if translators and words:
        speeds["sentences_per_second"] = len(examples) * speeds["speed"] / words
    return Evaluation({name: scores.get(name, {}) for name in names}, speeds, scorer.examples)


@contextmanager
def _showing_progress(nlp: Language, total: int) -> Iterator[None]:
    """Show how many documents `Language.evaluate` has predicted."""

    def pipe(docs: Iterable[Doc], **settings: Any) -> Iterator[Doc]:
        return track(type(nlp).pipe(nlp, docs, **settings), "Evaluating", total)

    vars(nlp)["pipe"] = pipe
    try:
        yield
    finally:
        del vars(nlp)["pipe"]


class _RecordingScorer(Scorer):
    """Record the examples that are scored: `Language.evaluate` predicts for copies."""

    examples: list[Example]

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        self.examples = list(examples)
        return super().score(self.examples, **kwargs)


def _with_references(nlp: Language, names: list[str], examples: list[Example]) -> list[str]:
    """Leave out translators whose references the data lack, unless there is nothing else."""
    scored = list(names)
    for name, translator in translators_of(nlp, names).items():
        if any(references_of(example, translator.attr) for example in examples):
            continue
        message = (
            f"The data have no translations in doc._.{translator.attr}: convert them with python "
            f"-m spacy rnn convert"
        )
        if len(names) == 1:
            raise ValueError(message)
        msg.warn(f"{name} is not scored. {message}")
        scored.remove(name)
    return scored


def load_examples(
    nlp: Language,
    names: list[str],
    source: Path,
    targets: list[str],
    format: str | None = None,
) -> list[Example]:
    """Load test data of any format that the package reads.

    nlp (Language): The pipeline whose tokenizer splits the source.
    names (list[str]): The components to score. Only translators need translations.
    source (Path): The data.
    targets (list[str]): Files of translations, if source is lines of text.
    format (str | None): The format of the source; None for that of its suffix.
    RETURNS (list[Example]): The examples.
    RAISES (ValueError): If the data are malformed.
    """
    if source.suffix == ".spacy" and format is None:
        return list(track(Corpus(source)(nlp), f"Reading {source}"))
    translators = list(translators_of(nlp, names).values())
    settings: dict[str, Any] = {"on_empty": "keep", "format": format}
    if translators:
        settings["attr"] = translators[0].attr
    examples = read_examples(
        nlp, source, targets or None, translation=bool(translators), **settings
    )
    return list(track(examples, f"Reading {source}"))


def compare(
    nlp: Language, evaluation: Evaluation, other_nlp: Language, other: Evaluation
) -> dict[str, dict[str, float]]:
    """Compare the translators of two pipelines by paired bootstrap.

    nlp (Language): A pipeline.
    evaluation (Evaluation): Its evaluation.
    other_nlp (Language): Another pipeline.
    other (Evaluation): Its evaluation, on the same data.
    RETURNS (dict[str, dict[str, float]]): By the name of a score what `compare_translations`
        returns. Translators of the same name are compared, or the only two.
    """
    ours = translators_of(nlp, evaluation.scores)
    theirs = translators_of(other_nlp, other.scores)
    if len(ours) == len(theirs) == 1:
        theirs = dict(zip(ours, theirs.values(), strict=True))
    comparison = {}
    for name, translator in ours.items():
        if name not in theirs:
            continue
        rows = compare_translations(
            [example.predicted._.get(translator.attr) for example in evaluation.examples],
            [example.predicted._.get(theirs[name].attr) for example in other.examples],
            [references_of(example, translator.attr) for example in evaluation.examples],
            tokenization_of(translator.scorer),
        )
        comparison.update({f"{name}_{key}": row for key, row in rows.items()})
    return comparison


def _print_scores(evaluation: Evaluation) -> None:
    msg.table(
        [(row.component, row.label, row.value) for row in _list_rows(evaluation)],
        header=("Component", "Score", "Value"),
        aligns=("l", "l", "r"),
    )


def _print_comparison(
    evaluation: Evaluation,
    other: Evaluation,
    comparison: dict[str, dict[str, float]],
    models: tuple[str, str],
) -> None:
    """Print scores beside those of another pipeline, and the p-values of differences."""
    others = _list_rows(other)
    # Components of other names have scores of other keys, but of the same labels.
    values = {row.label: row.value for row in others} | {row.key: row.value for row in others}
    msg.table(
        [
            (
                row.component,
                row.label,
                row.value,
                values.get(row.key, values.get(row.label, "-")),
                f"{comparison[row.key]['p']:.4f}" if row.key in comparison else "",
            )
            for row in _list_rows(evaluation)
        ],
        header=("Component", "Score", *models, "p"),
        aligns=("l", "l", "r", "r", "r"),
    )


def _list_rows(evaluation: Evaluation) -> list[Row]:
    rows = []
    for name, scores in evaluation.scores.items():
        for key, value in scores.items():
            if key in SPACY_LABELS:
                description = scores.get(f"{key}_desc")
                label = SPACY_LABELS[key] + (f" ({description})" if description else "")
                rows.append(Row(name, label, key, format_score(key, value)))
            elif find_metric(key):
                title = title_of(key.removeprefix(f"{name}_"))
                rows.append(Row(name, title, key, format_score(key, value)))
    speeds = evaluation.speeds.items()
    return rows + [Row("", title_of(key), key, format_score(key, value)) for key, value in speeds]


def _print_details(evaluation: Evaluation) -> None:
    """Print signatures, and scores of labels and features as `spacy benchmark accuracy` does."""
    for name, scores in evaluation.scores.items():
        signatures = [
            (f"Signature of {metric.label}", scores[f"{name}_{key}_signature"])
            for key, metric in TRANSLATION_METRICS.items()
            if f"{name}_{key}_signature" in scores
        ]
        if signatures:
            msg.table(signatures)
        handle_scores_per_type(scores, {}, silent=False)


def _write(path: Path | None, data: Any) -> None:
    if path is not None:
        replace_json(path, data)
