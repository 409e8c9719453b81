"""The shape that a part of an artifact must have: which fields, of which kind, and which have an effect here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.errors import Place, Unsupported, UserError, did_you_mean

_REFERENCE = re.compile(r"^\$\{[^{}]+\}$")


@dataclass(frozen=True)
class Scalar:
    """A single value of one of these types; `choices` are the texts allowed."""

    types: tuple[type, ...]
    what: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListOf:
    item: Shape


@dataclass(frozen=True)
class MapOf:
    """A mapping whose keys are free."""

    value: Shape


@dataclass(frozen=True)
class Fields:
    """A mapping whose keys are these."""

    known: Mapping[str, Shape]
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoEffect:
    """Accepted in this shape; only places or sizes things in the cloud."""

    shape: Shape


@dataclass(frozen=True)
class Refused:
    """Documented, but not supported here."""

    remedy: str = ""


@dataclass(frozen=True)
class OneOf:
    """The first of these that fits."""

    shapes: tuple[Shape, ...] = field(default=())


@dataclass(frozen=True)
class Anything:
    pass


Shape = Scalar | ListOf | MapOf | Fields | NoEffect | Refused | OneOf | Anything

TEXT = Scalar((str, int, float, bool), "text")
FLAG = Scalar((bool,), "true or false")
NUMBER = Scalar((int,), "a whole number")
DECIMAL = Scalar((int, float), "a number")
TEXTS = ListOf(TEXT)
TEXT_MAP = MapOf(TEXT)
ANYTHING = Anything()


def choice(*values: str) -> Scalar:
    return Scalar((str,), f"one of {', '.join(values)}", values)


def check(value: Any, shape: Shape, place: Place, without_effect: list[Place]) -> None:
    """Raise the error of the first thing that does not fit; see `wrongs`."""
    for error in wrongs(value, shape, place, without_effect):
        raise error


def wrongs(value: Any, shape: Shape, place: Place, without_effect: list[Place]) -> Iterator[UserError]:
    """Everything that does not fit, as errors; the places of what has no effect are collected meanwhile.

    A text that is wholly a reference `${…}` fits everywhere: it is checked when it is resolved. null is an absent
    value.
    """
    if value is None or (isinstance(value, str) and _REFERENCE.match(value) and not isinstance(shape, Refused)):
        return
    match shape:
        case Anything():
            return
        case NoEffect():
            yield from wrongs(value, shape.shape, place, [])
            without_effect.append(place)
        case Refused():
            yield Unsupported(f"'{_last(place)}' is not supported", where=place, remedy=shape.remedy)
        case Scalar():
            yield from _of_scalar(value, shape, place)
        case ListOf():
            if not isinstance(value, list):
                yield UserError(f"'{_last(place)}' is {_kind(value)}, and has to be a list", where=place)
                return
            for index, item in enumerate(value):
                yield from wrongs(item, shape.item, place.at(index), without_effect)
        case MapOf() | Fields() if not isinstance(value, dict):
            yield UserError(f"'{_last(place)}' is {_kind(value)}, and has to be a mapping", where=place)
        case MapOf():
            for key, item in value.items():
                yield from wrongs(item, shape.value, place.at(str(key)), without_effect)
        case Fields():
            yield from _of_fields(value, shape, place, without_effect)
        case OneOf():
            fitting = (s for s in shape.shapes[:-1] if next(wrongs(value, s, place, []), None) is None)
            yield from wrongs(value, next(fitting, shape.shapes[-1]), place, without_effect)


def _of_scalar(value: Any, shape: Scalar, place: Place) -> Iterator[UserError]:
    fits = isinstance(value, shape.types) and not (isinstance(value, bool) and bool not in shape.types)
    if not fits:
        yield UserError(f"'{_last(place)}' is {_kind(value)}, and has to be {shape.what}", where=place)
    elif shape.choices and "${" not in str(value) and value not in shape.choices:
        remedy = did_you_mean(str(value), shape.choices)
        yield UserError(f"'{_last(place)}' is '{value}', and has to be {shape.what}", where=place, remedy=remedy)


def _of_fields(
    value: Mapping[str, Any], shape: Fields, place: Place, without_effect: list[Place]
) -> Iterator[UserError]:
    for key, item in value.items():
        if key in shape.known:
            yield from wrongs(item, shape.known[key], place.at(key), without_effect)
        else:
            remedy = did_you_mean(str(key), shape.known)
            yield UserError(f"'{key}' is not a field of {_last(place)}", where=place.at(str(key)), remedy=remedy)
    for key in shape.required:
        if value.get(key) is None:
            yield UserError(f"{_last(place)} has no '{key}'", where=place)


def _last(place: Place) -> str:
    return place.path or place.file


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value)


def coerced(value: Any, shape: Shape) -> Any:
    """The value with texts that stand where numbers or flags belong turned into those, as variables give them."""
    match shape:
        case NoEffect():
            return coerced(value, shape.shape)
        case ListOf() if isinstance(value, list):
            return [coerced(item, shape.item) for item in value]
        case MapOf() if isinstance(value, dict):
            return {key: coerced(item, shape.value) for key, item in value.items()}
        case Fields() if isinstance(value, dict):
            return {key: coerced(item, shape.known.get(key, ANYTHING)) for key, item in value.items()}
        case Scalar() if isinstance(value, str) and str not in shape.types:
            if bool in shape.types and value in ("true", "false"):
                return value == "true"
            if int in shape.types and re.fullmatch(r"-?\d+", value):
                return int(value)
            if float in shape.types and re.fullmatch(r"-?\d+\.\d+", value):
                return float(value)
    return value
