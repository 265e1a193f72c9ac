"""What holds for each component wherever its documents come from and wherever they go."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import srsly
from contract_samples import SAMPLES
from new_process import run_python
from spacy.tokens import Doc, DocBin
from stock_pipelines import TEXTS

each_sample = pytest.mark.parametrize("name", SAMPLES)


@pytest.fixture
def nlp(trained_sample, name):
    return trained_sample(name)


@pytest.fixture
def read(name):
    return SAMPLES[name].read


@pytest.fixture
def expected(nlp, read):
    return [read(doc) for doc in nlp.pipe(TEXTS)]


# Where they come from


@each_sample
def test_an_endless_stream_is_read_as_far_as_it_is_needed(nlp, read, expected):
    taken = []
    texts = (taken.append(text) or text for text in itertools.cycle(TEXTS))
    docs = itertools.islice(nlp.pipe(texts, batch_size=4), 2 * len(TEXTS))
    assert [read(doc) for doc in docs] == 2 * expected
    assert len(taken) <= 2 * len(TEXTS) + 4


@each_sample
def test_contexts_stay_with_their_documents(nlp, read, expected):
    pairs = nlp.pipe(((text, index) for index, text in enumerate(TEXTS)), as_tuples=True)
    assert [(read(doc), index) for doc, index in pairs] == list(zip(expected, itertools.count()))


@each_sample
def test_eight_threads_predict_the_same(nlp, read, expected):
    with ThreadPoolExecutor(8) as threads:
        docs = list(threads.map(nlp, TEXTS * 4))
    assert [read(doc) for doc in docs] == 4 * expected


@each_sample
def test_strings_of_a_memory_zone_may_go(nlp, read, expected):
    for number in range(2):
        with nlp.memory_zone():
            assert [read(doc) for doc in nlp.pipe(TEXTS)] == expected
            nlp(f"neverseen{number} Anna Oslo{number}")
    assert [read(doc) for doc in nlp.pipe(TEXTS)] == expected


# Where they go


def through_bytes(doc):
    return Doc(doc.vocab).from_bytes(doc.to_bytes())


def through_pickle(doc):
    return srsly.pickle_loads(srsly.pickle_dumps(doc))


def through_doc_bin(doc):
    (copy,) = DocBin(store_user_data=True, docs=[doc]).get_docs(doc.vocab)
    return copy


@each_sample
@pytest.mark.parametrize("way", [through_bytes, through_pickle, through_doc_bin, Doc.copy])
def test_documents_keep_what_was_predicted(nlp, read, expected, way):
    assert [read(way(doc)) for doc in nlp.pipe(TEXTS)] == expected


def read_token_tags(doc):
    return [(token.text, token.tag_, token.i) for token in doc]


def read_token_confidences(doc):
    return [(token.text, str(token.morph), token._.morph_confidence, token.i) for token in doc]


def read_named(doc):
    return [(ent.text, ent.label_, ent._.confidence, ent.start) for ent in doc.ents]


def read_surprisals(doc):
    return [(token.text, token._.surprisal, token.i) for token in doc]


ON_TOKENS = {
    "tagger": read_token_tags,
    "CRF tagger": read_token_tags,
    "morphology": read_token_confidences,
    "ner": read_named,
    "n best": read_named,
    "language model": read_surprisals,
}
"""What is written to tokens and spans, by which tokens and spans keep it in another document. What
is written to a document as a whole is not of any other, which spaCy warns of."""


@pytest.mark.filterwarnings("ignore:.*W10[12].*")
@pytest.mark.parametrize("name", ON_TOKENS)
def test_joined_documents_keep_what_was_predicted(nlp, name):
    read = ON_TOKENS[name]
    docs = [nlp(" ".join(text.split())) for text in TEXTS if text.strip()]
    written = [entry[:-1] for doc in docs for entry in read(doc)]
    assert [entry[:-1] for entry in read(Doc.from_docs(docs))] == written


@pytest.mark.parametrize("name", ON_TOKENS)
def test_a_part_keeps_what_was_predicted(nlp, name):
    read = ON_TOKENS[name]
    doc = nlp(TEXTS[-1])
    for end in range(1, len(doc) + 1):
        start = end // 2
        part = doc[start:end].as_doc(copy_user_data=True)
        inside = [entry for entry in read(doc) if start <= entry[-1] < end]
        assert [entry[:-1] for entry in read(part)] == [entry[:-1] for entry in inside]


@pytest.mark.parametrize("name", ["ner", "n best"])
def test_merged_entities_keep_what_was_predicted(nlp):
    doc = nlp(TEXTS[0])
    before = [entry[:-1] for entry in read_named(doc)]
    assert before
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:4])
        for ent in doc.ents:
            retokenizer.merge(ent)
    assert [entry[:-1] for entry in read_named(doc)] == before


def list_attributes(doc):
    """List the custom attributes that a user knows of."""
    keys = [key for key in doc.user_data if key[0] == "._."]
    return sorted({name for _, name, *_ in keys if not name.endswith("_label")})


@each_sample
def test_json_holds_what_was_predicted(nlp, read, expected):
    docs = nlp.pipe(TEXTS)
    rows = [json.dumps(doc.to_json(underscore=list_attributes(doc))) for doc in docs]
    assert [read(Doc(nlp.vocab).from_json(json.loads(row))) for row in rows] == expected


SHOW = """
import json, sys
from spacy.tokens import DocBin
from spacy.vocab import Vocab

(doc,) = DocBin().from_disk(sys.argv[1]).get_docs(Vocab())
assert "spacy_rnn" not in sys.modules
print(json.dumps([[key[1], value] for key, value in doc.user_data.items() if key[0] == "._."]))
"""


def test_predictions_are_readable_where_the_package_is_not_imported(trained_sample, tmp_path):
    names = ["morphology", "n best", "classifier", "translator", "language model"]
    for name in names:
        doc = trained_sample(name)(TEXTS[0])
        DocBin(store_user_data=True, docs=[doc]).to_disk(tmp_path / "docs.spacy")
        shown = json.loads(run_python("-c", SHOW, tmp_path / "docs.spacy"))
        if name == "translator":
            assert doc._.translations  # Built now that they are read.
        written = [[key[1], value] for key, value in doc.user_data.items() if key[0] == "._."]
        assert json.loads(json.dumps(written)) == shown
