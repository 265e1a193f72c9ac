"""The words of the training corpus, for embeddings inside of components that count none."""

from collections.abc import Callable
from itertools import islice

from spacy.language import Language
from spacy.util import logger, resolve_dot_names


def create_count_words_v1(limit: int = 0) -> Callable[[Language], None]:
    """Create a callback for `[initialize.after_init]` that counts the words of the corpus.

    It is for embeddings with an unknown word inside of stock components. The whole training corpus
    is read once, in constant memory, also where it is a stream.

    limit (int): The number of documents to stop after, for a corpus without end. 0 for none.
    RETURNS (Callable[[Language], None]): The callback.
    """
    from ..checks import check_count

    check_count("limit", limit, 0)

    def count(nlp: Language) -> None:
        from ..architectures.known_words import count_words, find_counting
        from ..progress import track

        embeddings = [
            embedding
            for _, component in nlp.pipeline
            if hasattr(component, "model")
            for embedding in find_counting(component.model)
        ]
        if not embeddings:
            return
        config = nlp.config.interpolate()
        (corpus,) = resolve_dot_names(config, [config["training"]["train_corpus"]])
        examples = track(islice(corpus(nlp), limit or None), "Counting words")
        count_words(embeddings, (example.predicted for example in examples))
        logger.info("Counted the words of the training corpus")

    return count
