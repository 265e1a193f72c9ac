import functools
import json
import pickle

import contract_samples
import pytest
from new_process import run_script
from spacy.util import fix_random_seed
from stock_pipelines import ENCODERS, PIPELINES, copy_pipeline, initialize, make_pipeline, train


@pytest.fixture(scope="session")
def trained():
    """Trained pipelines by the names of encoder and pipeline, to be read, not changed."""

    @functools.cache
    def get(encoder, pipeline):
        nlp = make_pipeline(PIPELINES[pipeline], ENCODERS[encoder])
        train(nlp, initialize(nlp), steps=60)
        return nlp

    return get


@pytest.fixture(scope="session")
def trained_sample():
    """Trained pipelines by the names of samples, to be read, not changed."""

    @functools.cache
    def get(name):
        fix_random_seed(0)
        return contract_samples.train(contract_samples.SAMPLES[name])

    return get


@pytest.fixture(scope="session")
def stored(trained, tmp_path_factory):
    """Where a trained pipeline lies, stored in one of three ways."""
    root = tmp_path_factory.mktemp("stored")

    @functools.cache
    def get(encoder, pipeline, way="disk"):
        nlp = trained(encoder, pipeline)
        path = root / f"{encoder}-{pipeline}-{way}"
        if way == "disk":
            nlp.to_disk(path)
        elif way == "bytes":
            path.write_bytes(pickle.dumps((nlp.config.to_str(), nlp.to_bytes())))
        else:  # Copied: a listener that has just been trained cannot be pickled in spaCy.
            path.write_bytes(pickle.dumps(copy_pipeline(nlp)))
        return path

    return get


@pytest.fixture(scope="session")
def reloaded(stored):
    """What each trained pipeline predicts in a new process, stored in one of three ways."""

    @functools.cache
    def get(way):
        names = [(encoder, pipeline) for encoder in ENCODERS for pipeline in PIPELINES]
        paths = [stored(*name, way) for name in names]
        predictions = json.loads(run_script("child_predict.py", way, *paths))
        return dict(zip(names, predictions, strict=True))

    return get
