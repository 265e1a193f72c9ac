"""Settings out of their bounds are refused, with the value, the limit and the way out."""

import json
import math


def check_choice(name: str, value: str | int, choices: tuple[str | int, ...]) -> None:
    """Refuse a value that is none of the choices.

    name (str): What is chosen, for the error.
    value (str | int): The value.
    choices (tuple[str | int, ...]): What it may be.
    RAISES (ValueError): If it is something else.
    """
    if value not in choices:
        known = ", ".join(json.dumps(choice) for choice in choices)
        raise ValueError(f"{name} is {json.dumps(value)}, but has to be one of {known}")


def check_at_least(name: str, value: float, least: float) -> None:
    """Refuse a number that is too small, or none.

    name (str): What it is the number of, for the error.
    value (float): The number.
    least (float): The smallest that makes sense.
    RAISES (ValueError): If it is smaller.
    """
    _check_number(name, value)
    if not least <= value < math.inf:
        finite = "" if math.isfinite(value) else "finite, and "
        raise ValueError(f"{name} is {value}, but has to be {finite}at least {least}")


def check_finite(name: str, value: float) -> None:
    """Refuse what is infinite or no number.

    name (str): What it is the number of, for the error.
    value (float): The number.
    RAISES (ValueError): If it is not finite.
    """
    _check_number(name, value)
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}, but has to be a finite number")


def check_count(name: str, value: int, least: int, most: int | None = None) -> None:
    """Refuse what is no whole number, or out of bounds.

    name (str): What it is the number of, for the error.
    value (int): The number.
    least (int): The smallest that makes sense.
    most (int | None): The largest that makes sense. None for any.
    RAISES (ValueError): If it is another kind of number, or smaller or larger.
    """
    _check_number(name, value)
    if not isinstance(value, int):
        raise ValueError(f"{name} is {value}, but has to be a whole number")
    check_at_least(name, value, least)
    if most is not None and value > most:
        raise ValueError(f"{name} is {value}, but has to be at most {most}")


def check_rate(name: str, rate: float, *, one: bool = False) -> float:
    """Refuse a rate outside [0, 1), or outside [0, 1] where one makes sense.

    name (str): What it is the rate of, for the error.
    rate (float): The rate.
    one (bool): Whether 1 is allowed.
    RETURNS (float): The same rate.
    RAISES (ValueError): If the rate is out of bounds.
    """
    _check_number(name, rate)
    if not (0.0 <= rate < 1.0 or (one and rate == 1.0)):
        raise ValueError(
            f"{name} is {rate}, but has to lie between 0 and 1{'' if one else ', below 1'}: "
            f"0 turns it off"
        )
    return rate


def _check_number(name: str, value: object) -> None:
    """Refuse numbers in quotes, and other words, as configs read nan and inf."""
    if isinstance(value, str):
        try:
            quoted = math.isfinite(float(value))
        except ValueError:
            quoted = False
        limit = "a number: leave out the quotes" if quoted else "a finite number"
        raise ValueError(f"{name} is {json.dumps(value)}, but has to be {limit}")
