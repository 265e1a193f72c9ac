"""Components that write attributes of their own: two of a kind need different ones."""

import copy
import pickle

import pytest
import spacy
from contract_samples import SAMPLES, train

KINDS = {"language model": "attr_prefix", "translator": "attr"}


@pytest.fixture(scope="module", params=KINDS)
def stored(request, tmp_path_factory):
    """Where a pipeline of one component lies, its name, and its setting."""
    sample = SAMPLES[request.param]
    path = tmp_path_factory.mktemp("stored")
    train(sample, 1).to_disk(path)
    return path, sample.factory, KINDS[request.param]


def test_a_sourced_second_one_is_refused_at_once(stored):
    path, name, setting = stored
    nlp = spacy.load(path)
    message = rf'"{name}" and "second" would both write to doc\._\..* another {setting}'
    with pytest.raises(ValueError, match=message):
        nlp.add_pipe(name, source=spacy.load(path), name="second")
    nlp.remove_pipe("second")
    assert nlp("word").text == "word"


def test_the_way_out_that_the_error_shows_works(stored, tmp_path):
    path, name, setting = stored
    nlp = spacy.load(path)
    source = spacy.load(path, config={f"components.{name}.{setting}": "another"})
    nlp.add_pipe(name, source=source, name="second")
    nlp.to_disk(tmp_path / "both")
    loaded = spacy.load(tmp_path / "both")
    written = {proc.written: nlp("cats sit")._.get(proc.written) for _, proc in nlp.pipeline}
    assert len(written) == 2
    doc = loaded("cats sit")
    assert written == {attr: doc._.get(attr) for attr in written}


def test_two_sources_in_a_config_are_refused(stored):
    path, name, _ = stored
    config = {
        "nlp": {"lang": "en", "pipeline": ["one", "other"]},
        "components": {
            each: {"source": str(path), "component": name} for each in ("one", "other")
        },
    }
    with pytest.raises(ValueError, match='twice, the second time as "other"'):
        spacy.util.load_model_from_config(config, auto_fill=True)


def test_it_listens_to_nothing_and_can_be_copied(stored):
    nlp = spacy.load(stored[0])
    (_, component) = nlp.pipeline[0]
    assert component.listening_components == ()
    for copied in (copy.deepcopy(component), pickle.loads(pickle.dumps(component))):
        assert copied.written == component.written
