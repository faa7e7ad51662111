"""Fits rotary position settings to a smaller head."""

from __future__ import annotations

from typing import Any

from mmport.reference_models.facts import sizes

Config = dict[str, Any]


def fit_rotary(small: Config, values: Config, *, before: int, after: int) -> None:
    """Change every rotary setting that depends on the head size, in place.

    Args:
        small: the config to change.
        values: the original one with defaults.
        before: the head size that `values` are for.
        after: the new head size, even.
    """
    keys = sizes().rotary
    fraction = _fraction(values)
    rotary = _even(after * fraction)
    for key in keys.size_keys:
        if isinstance(values.get(key), int):
            small[key] = _even(values[key] * after / before)
    _fit(small, after, rotary)


def stretched(value: Any, *, usual: int, head: int) -> Any:
    """Give a setting that is written for heads of the usual size as one for heads of `head`."""
    if not isinstance(value, dict):
        return value
    return {
        key: _scale(item, sum(item) * head // usual)
        if key in sizes().rotary.sections
        else stretched(item, usual=usual, head=head)
        for key, item in value.items()
    }


def _fraction(values: Config) -> float:
    """Find how much of a head is rotated, wherever that is said; usually all of it."""
    for key in sizes().rotary.fraction_keys:
        if isinstance(values.get(key), int | float):
            return float(values[key])
    for nested in values.values():
        if isinstance(nested, dict) and (found := _fraction(nested)) != 1.0:
            return found
    return 1.0


def _fit(config: Config, head: int, rotary: int) -> None:
    keys = sizes().rotary
    for key, value in config.items():
        if key in keys.fraction_keys and isinstance(value, int | float):
            config[key] = _even(head * value) / head
        elif key in keys.factor_lists and isinstance(value, list):
            config[key] = _sample(value, rotary // 2)
        elif key in keys.sections and isinstance(value, list):
            config[key] = _scale(value, rotary // 2)
        elif isinstance(value, dict):
            _fit(value, head, rotary)


def _even(size: float) -> int:
    """Round to the nearest even number, at least 2."""
    return max(2, 2 * round(size / 2))


def _sample(values: list[Any], count: int) -> list[Any]:
    """Take `count` entries, evenly spread."""
    return [values[index * len(values) // count] for index in range(count)] if values else values


def _scale(sections: list[int], total: int) -> list[int]:
    """Scale sections so that they sum to `total`, none of them empty."""
    whole = sum(sections)
    scaled = [max(1, section * total // whole) for section in sections]
    scaled[-1] += total - sum(scaled)
    return scaled
