"""A learning rate that falls where the score does not rise."""

import io
import warnings

import pytest
import spacy
from thinc.api import SGD, Config
from thinc.config import registry

from spacy_rnn.training import schedules as plateau
from spacy_rnn.training.loggers import create_console_logger_v1
from spacy_rnn.training.schedules import announce_logger, create_reduce_on_plateau_v1


@pytest.mark.parametrize(
    ("patience", "expected"),
    [(0, [1, 1, 0.5, 0.25, 0.25, 0.2]), (1, [1, 1, 1, 0.5, 0.5, 0.5])],
)
def test_the_rate_falls_at_plateaus(patience, expected):
    schedule = create_reduce_on_plateau_v1(1.0, 0.5, patience, 0.2)
    rates = []
    for score in (0.1, 0.3, 0.3, 0.2, 0.4, 0.1):
        schedule.record(score)
        rates.append(next(schedule))
    assert rates == expected


def test_the_logger_tells_it():
    config = Config(
        {"rate": {"@schedules": "spacy-rnn.reduce_on_plateau.v1", "initial_rate": 20.0}}
    )
    optimizer = SGD(registry.resolve(config)["rate"])
    nlp = spacy.blank("en")
    log_step, finish = create_console_logger_v1(progress_bar=False)(nlp, io.StringIO())
    info = {"epoch": 0, "words": 1, "losses": {}, "other_scores": {}}
    for step, (score, rate) in enumerate([(0.5, 20.0), (0.6, 20.0), (0.6, 5.0), (None, 5.0)]):
        log_step({**info, "step": step, "score": score})
        log_step(None)
        optimizer.step_schedules()
        assert optimizer.learn_rate == rate
    finish()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial_rate": 0.0}, "initial_rate is 0.0"),
        ({"factor": 1.0}, "factor is 1.0"),
        ({"patience": -1}, "patience is -1"),
        ({"min_learn_rate": 2.0}, "min_learn_rate is 2.0"),
    ],
)
def test_settings_out_of_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        create_reduce_on_plateau_v1(**{"initial_rate": 1.0, **settings})


def test_what_is_no_number_is_no_best_score():
    schedule = create_reduce_on_plateau_v1(1.0, 0.5)
    rates = []
    for score in (float("nan"), 0.1, 0.2, float("nan")):
        schedule.record(score)
        rates.append(next(schedule))
    assert rates == [0.5, 0.5, 0.5, 0.25]


def test_without_the_logger_it_warns():
    """Also where a training before it had that logger."""
    earlier = create_reduce_on_plateau_v1(1.0)
    announce_logger("default")
    schedule = create_reduce_on_plateau_v1(1.0)
    with pytest.warns(UserWarning, match="the learning rate stays as it is"):
        rates = [next(schedule) for _ in range(2 * plateau.WARN_AFTER_STEPS)]
    assert set(rates) == {1.0}
    with warnings.catch_warnings(action="error"):
        assert {next(earlier) for _ in range(2 * plateau.WARN_AFTER_STEPS)} == {1.0}


def log_score(nlp, score, board):
    """Let a logger with this board log a step with a score."""
    log_step, finish = create_console_logger_v1(progress_bar=False, board=board)(
        nlp, io.StringIO()
    )
    info = {"epoch": 0, "step": 0, "words": 1, "losses": {}, "other_scores": {}}
    log_step({**info, "score": score})
    finish()


def test_each_board_has_scores_of_its_own():
    """Of two trainings in one process, the scores of one leave the rate of the other."""
    nlp = spacy.blank("en")
    one = create_reduce_on_plateau_v1(1.0, 0.5, board="one")
    other = create_reduce_on_plateau_v1(1.0, 0.5, board="other")
    default = create_reduce_on_plateau_v1(1.0, 0.5)
    for board, score in [("one", 0.5), ("other", 0.1), ("one", 0.5), ("other", 0.2)]:
        log_score(nlp, score, board)
    assert [next(schedule) for schedule in (one, other, default)] == [0.5, 1.0, 1.0]


def test_a_logger_of_another_board_does_not_count():
    schedule = create_reduce_on_plateau_v1(1.0, board="mine")
    log_score(spacy.blank("en"), 0.5, "yours")
    for _ in range(plateau.WARN_AFTER_STEPS - 1):
        next(schedule)
    with pytest.warns(UserWarning, match='score board, "mine"'):
        next(schedule)
