"""Samples of what a pipeline writes: translations, or texts that a language model generates."""

from typing import TYPE_CHECKING, Any, cast

from spacy.language import Language
from spacy.training import Example
from wasabi import msg

from ..metrics.common import references_of
from ..pipeline.translator.alignment import to_matrix
from .models import LANGUAGE_MODEL, names_of, translators_of

if TYPE_CHECKING:
    from ..pipeline.lm.component import RecurrentLanguageModel


def make_samples(
    nlp: Language, names: list[str], examples: list[Example], n_samples: int
) -> list[dict[str, Any]]:
    """Describe translations, or let a language model generate texts and print them.

    nlp (Language): The pipeline.
    names (list[str]): Components, one of which is a translator or a language model.
    examples (list[Example]): Examples with predictions.
    n_samples (int): The number of samples.
    RETURNS (list[dict[str, Any]]): The samples.
    RAISES (ValueError): If none or several of the components write texts.
    """
    translators = translators_of(nlp, names)
    language_models = [name for name in names_of(nlp, [LANGUAGE_MODEL]) if name in names]
    writers = [*translators, *language_models]
    if len(writers) != 1:
        raise ValueError(
            f"Samples are those of one translator or language model, but the components to score "
            f"have {', '.join(writers) or 'none'}: name one with --component, or leave out "
            f"--samples"
        )
    if translators:
        (translator,) = translators.values()
        return describe_translations(examples[:n_samples], translator.attr)
    language_model = cast("RecurrentLanguageModel", nlp.get_pipe(writers[0]))
    return generate_texts(language_model, n_samples)


def describe_translations(examples: list[Example], attr: str) -> list[dict[str, Any]]:
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


def generate_texts(
    language_model: "RecurrentLanguageModel", n_samples: int
) -> list[dict[str, Any]]:
    """Let a language model generate texts, the same at every call, and print them.

    language_model (RecurrentLanguageModel): The language model.
    n_samples (int): The number of texts.
    RETURNS (list[dict[str, Any]]): The texts, as `RecurrentLanguageModel.generate` returns them.
    """
    texts = language_model.generate(num_return_sequences=n_samples, top_p=0.9, seed=0)
    generated = cast(list[dict[str, Any]], texts)
    msg.table(
        [(f"{text['score']:.2f}", text["text"]) for text in generated],
        header=("Log-prob", "Generated text"),
        aligns=("r", "l"),
    )
    return generated
