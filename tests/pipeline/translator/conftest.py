"""One trained translator for all tests, which leave it as it was."""

import pytest
from toy_translator import make_pipeline, train


@pytest.fixture(scope="session")
def trained():
    nlp = make_pipeline()
    examples, losses = train(nlp)
    return nlp, examples, losses


@pytest.fixture
def nlp(trained):
    return trained[0]
