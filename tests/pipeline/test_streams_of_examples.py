"""What is counted in training data: all of it, or a file, never the beginning of a stream."""

from itertools import islice

import pytest
import spacy
import srsly
from contract_samples import SAMPLES, make_pipeline
from spacy.cli.init_pipeline import _init_labels
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.pretrain import pretrain
from stock_pipelines import pretraining
from thinc.api import Adam, Config

EMBED = {
    "@architectures": "spacy-rnn.SumHashEmbed.v1",
    "width": 8,
    "attrs": ["NORM", "SHAPE"],
    "rows": [500, 50],
    "unk_alpha": 1.0,
}
ENCODE = {"@architectures": "spacy-rnn.RecurrentEncoder.v1", "width": 8}
TOK2VEC = {"@architectures": "spacy.Tok2Vec.v2", "embed": EMBED, "encode": ENCODE}
COUNTING = {
    name: {"model": {"tok2vec": TOK2VEC}}
    for name in ("rnn_tagger", "rnn_ner", "rnn_textcat", "rnn_textcat_multilabel")
}
CONFIGS = COUNTING | {
    "rnn_translator": SAMPLES["translator"].config | {"vocab_size": 280},
    "rnn_lm": SAMPLES["language model"].config,
}
each_factory = pytest.mark.parametrize("factory", CONFIGS)


def make_examples(nlp, number=150):
    """Make examples of a new word each, with all kinds of annotation."""
    examples = []
    for index in range(number):
        doc = nlp.make_doc(f"the w{index}")
        tag = f"T{index % 2}"
        annotation = {"tags": [tag, tag], "entities": [(0, 3, tag)], "cats": {"T0": 1 - index % 2}}
        annotation["cats"]["T1"] = index % 2
        example = Example.from_dict(doc, annotation)
        if "rnn_translator" in nlp.pipe_names:
            example.reference._.translation = doc.text
        examples.append(example)
    return examples


def make(factory):
    nlp = spacy.blank("en")
    return nlp, nlp.add_pipe(factory, config=CONFIGS[factory])


def write(nlp, folder, max_epochs=-1, **settings):
    """Write a corpus and a config that reads it as a stream."""
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs, store_user_data=True).to_disk(folder / "train.spacy")
    corpus = {"@readers": "spacy.Corpus.v1", "path": str(folder / "train.spacy")}
    corpora = {"corpora": {"train": corpus, "dev": corpus}, "training": {"max_epochs": max_epochs}}
    return Config(nlp.config).merge(settings).merge(corpora)


def known_words(component):
    (embedding,) = (node for node in component.model.walk() if "known" in node.attrs)
    return len(embedding.attrs["known"]) // 8


@each_factory
def test_the_beginning_of_a_stream_is_refused(factory):
    nlp, component = make(factory)
    examples = make_examples(nlp)
    nlp.config["training"]["max_epochs"] = -1
    with pytest.raises(ValueError, match=rf"first 100 .*labels/{factory}\.json"):
        nlp.initialize(lambda: islice(examples, 100))
    # Shorter streams end with it.
    nlp.initialize(lambda: islice(examples, 99))
    assert component.label_data


@each_factory
def test_as_many_examples_as_spacy_takes_from_a_stream_are_warned_of(factory):
    nlp, _ = make(factory)
    examples = make_examples(nlp)
    with pytest.warns(UserWarning, match="given 100 documents, as many as spaCy takes"):
        nlp.initialize(lambda: islice(examples, 100))


def test_where_nothing_is_counted_a_stream_is_fine():
    nlp = make_pipeline(SAMPLES["tagger"])
    examples = make_examples(nlp)
    nlp.config["training"]["max_epochs"] = -1
    nlp.initialize(lambda: islice(examples, 100))


@each_factory
def test_labels_of_a_whole_stream_are_written_once_and_read(factory, tmp_path):
    """As `spacy init labels --training.max_epochs 0` writes them, and `spacy train` reads them."""
    nlp, _ = make(factory)
    whole = init_nlp(write(nlp, tmp_path, max_epochs=0))
    _init_labels(whole, tmp_path)
    path = tmp_path / f"{factory}.json"
    labels = {"@readers": "spacy.read_labels.v1", "path": str(path), "require": True}
    initialize = {"components": {factory: {"labels": labels}}}
    streamed = init_nlp(write(nlp, tmp_path, initialize=initialize))
    assert streamed.get_pipe(factory).label_data == whole.get_pipe(factory).label_data
    if factory in COUNTING:
        assert known_words(streamed.get_pipe(factory)) == 151
        assert srsly.read_json(path)["labels"] == ["T0", "T1"]


def test_a_callback_counts_for_stock_components(tmp_path):
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": TOK2VEC}
    nlp.add_pipe("tagger", config={"model": model})
    callback = {"@callbacks": "spacy-rnn.count_words.v1"}
    streamed = init_nlp(write(nlp, tmp_path, initialize={"after_init": callback}))
    assert known_words(streamed.get_pipe("tagger")) == 151
    limited = init_nlp(write(nlp, tmp_path, initialize={"after_init": {**callback, "limit": 20}}))
    assert known_words(limited.get_pipe("tagger")) == 21
    streamed.update(make_examples(streamed), sgd=Adam(0.01))
    copy = spacy.blank("en")
    copy.add_pipe("tagger", config={"model": model})
    copy.from_bytes(streamed.to_bytes())
    assert known_words(copy.get_pipe("tagger")) == 151


@pytest.mark.parametrize("factory", COUNTING)
def test_pretraining_hides_nothing_and_its_weights_replace_no_counts(factory, tmp_path):
    nlp, _ = make(factory)
    config = write(nlp, tmp_path, max_epochs=0, **pretraining(tmp_path, factory))
    with pytest.warns(UserWarning, match="right in pretraining"):
        pretrain(config.interpolate(), tmp_path)
    trained = init_nlp(config).get_pipe(factory).model.get_ref("tok2vec").to_bytes()
    (tmp_path / "trained.bin").write_bytes(trained)
    for stored in ("model-last.bin", "trained.bin"):
        config["initialize"]["init_tok2vec"] = str(tmp_path / stored)
        config["components"][factory]["model"]["tok2vec"]["embed"]["unk_alpha"] = 0.5
        component = init_nlp(config).get_pipe(factory)
        (embedding,) = (node for node in component.model.walk() if "known" in node.attrs)
        assert embedding.attrs["settings"].unk_alpha == 0.5
        assert known_words(component) == 151


@pytest.mark.parametrize("factory", COUNTING)
def test_what_a_stored_component_knows_is_loaded(factory):
    nlp, component = make(factory)
    nlp.initialize(lambda: make_examples(nlp))
    other, _ = make(factory)
    other.initialize(lambda: make_examples(other, 20))
    other.from_bytes(nlp.to_bytes())
    assert other.get_pipe(factory).label_data == component.label_data
    assert known_words(other.get_pipe(factory)) == 151
