"""Batches side by side, on threads and in processes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from toy_translator import LONG, TEXTS, make_texts, translations

from spacy_rnn.pipeline.translator.predictor import Predictor


def test_two_processes_translate_the_same(nlp):
    texts = TEXTS * 4
    assert translations(nlp, texts, n_process=2, batch_size=4) == translations(nlp, texts)


class Threads:
    """Note in which threads a translator searches, and how many threads torch has there."""

    def __init__(self, translator, monkeypatch):
        self.seen = set()
        translate = Predictor.translate_passages

        def spy(*arguments):
            self.seen.add((threading.get_ident(), torch.get_num_threads()))
            return translate(*arguments)

        monkeypatch.setattr(Predictor, "translate_passages", spy)
        monkeypatch.setattr(translator, "max_batch_tokens", 5)


def torch_threads():
    """Return torch's threads of this thread and of a new one."""
    new = []
    thread = threading.Thread(target=lambda: new.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return torch.get_num_threads(), *new


@pytest.fixture
def _two_threads_of_torch():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("_two_threads_of_torch")
@pytest.mark.parametrize(("number", "most"), [(None, 2), (1, 1), (3, 3)])
def test_batches_side_by_side_change_nothing(nlp, monkeypatch, number, most):
    texts = [*TEXTS, "", LONG, *(source for source, _ in make_texts())]
    expected = [doc._.translations for doc in nlp.pipe(texts)]
    threads = Threads(nlp.get_pipe("rnn_translator"), monkeypatch)
    others = threading.active_count()
    settings = {"rnn_translator": {"threads": number}}
    docs = list(nlp.pipe(texts, component_cfg=settings))
    assert threading.active_count() == others
    assert torch_threads() == (2, 2)
    here = threading.get_ident(), 2
    if number == 1:
        assert threads.seen == {here}
    else:
        assert here not in threads.seen
        assert {of_torch for _, of_torch in threads.seen} == {1}
        assert 1 <= len(threads.seen) <= most
    for doc, (best,) in zip(docs, expected, strict=True):
        assert doc._.translation == best["text"]
        assert doc._.translations[0]["score"] == pytest.approx(best["score"], abs=1e-5)


def test_many_callers_may_have_threads(nlp, monkeypatch):
    expected = translations(nlp)
    monkeypatch.setattr(nlp.get_pipe("rnn_translator"), "max_batch_tokens", 5)
    settings = {"rnn_translator": {"threads": 2}}
    with ThreadPoolExecutor(4) as callers:
        found = callers.map(lambda _: translations(nlp, component_cfg=settings), range(12))
        assert list(found) == [expected] * 12
    assert torch_threads() == (1, 1)


def test_worker_processes_may_have_threads(nlp, monkeypatch):
    expected = translations(nlp, TEXTS * 4)
    monkeypatch.setattr(nlp.get_pipe("rnn_translator"), "max_batch_tokens", 5)
    settings = {"rnn_translator": {"threads": 2}}
    found = translations(nlp, TEXTS * 4, component_cfg=settings, n_process=2, batch_size=8)
    assert found == expected


def test_a_stream_that_nobody_reads_to_its_end_leaves_no_thread(nlp, monkeypatch):
    monkeypatch.setattr(nlp.get_pipe("rnn_translator"), "max_batch_tokens", 5)
    others = threading.active_count()
    settings = {"rnn_translator": {"threads": 2}}
    stream = nlp.pipe(TEXTS * 4, component_cfg=settings, batch_size=8)
    next(stream)
    assert threading.active_count() > others
    stream.close()
    assert threading.active_count() == others
