"""Errors of settings."""

import pytest

from spacy_rnn.checks import check_at_least, check_count, check_finite, check_rate


@pytest.mark.parametrize(
    "check",
    [
        check_finite,
        check_rate,
        lambda name, value: check_at_least(name, value, 0),
        lambda name, value: check_count(name, value, 0),
    ],
)
def test_numbers_in_quotes_are_refused_by_name(check):
    with pytest.raises(ValueError, match='width is "2", but has to be a number: leave out the'):
        check("width", "2")
    check("width", 0)


@pytest.mark.parametrize("value", ["nan", "inf", "wide"])
def test_words_are_no_numbers_in_quotes(value):
    with pytest.raises(ValueError, match=f'rate is "{value}", but has to be a finite number$'):
        check_rate("rate", value)
