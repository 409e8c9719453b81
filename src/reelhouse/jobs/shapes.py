"""The shape that a part of an artifact must have: which fields, of which kind, and which have an effect here."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    """Raise the error of the first thing that does not fit; collect the places of what has no effect here.

    A text that is wholly a reference `${…}` fits everywhere: it is checked when it is resolved. null is an absent
    value.
    """
    if value is None or (isinstance(value, str) and _REFERENCE.match(value) and not isinstance(shape, Refused)):
        return
    match shape:
        case Anything():
            return
        case NoEffect():
            check(value, shape.shape, place, [])
            without_effect.append(place)
        case Refused():
            raise Unsupported(f"'{_last(place)}' is not supported", where=place, remedy=shape.remedy)
        case Scalar():
            _check_scalar(value, shape, place)
        case ListOf():
            if not isinstance(value, list):
                raise UserError(f"'{_last(place)}' is {_kind(value)}, and has to be a list", where=place)
            for index, item in enumerate(value):
                check(item, shape.item, place.at(index), without_effect)
        case MapOf():
            for key, item in _mapping(value, place).items():
                check(item, shape.value, place.at(str(key)), without_effect)
        case Fields():
            _check_fields(_mapping(value, place), shape, place, without_effect)
        case OneOf():
            _check_one_of(value, shape, place, without_effect)


def _check_scalar(value: Any, shape: Scalar, place: Place) -> None:
    fits = isinstance(value, shape.types) and not (isinstance(value, bool) and bool not in shape.types)
    if not fits:
        raise UserError(f"'{_last(place)}' is {_kind(value)}, and has to be {shape.what}", where=place)
    if shape.choices and "${" not in str(value) and value not in shape.choices:
        remedy = did_you_mean(str(value), shape.choices)
        raise UserError(f"'{_last(place)}' is '{value}', and has to be {shape.what}", where=place, remedy=remedy)


def _check_fields(value: Mapping[str, Any], shape: Fields, place: Place, without_effect: list[Place]) -> None:
    for key, item in value.items():
        if key not in shape.known:
            remedy = did_you_mean(str(key), shape.known)
            raise UserError(f"'{key}' is not a field of {_last(place)}", where=place.at(str(key)), remedy=remedy)
        check(item, shape.known[key], place.at(key), without_effect)
    for key in shape.required:
        if value.get(key) is None:
            raise UserError(f"{_last(place)} has no '{key}'", where=place)


def _check_one_of(value: Any, shape: OneOf, place: Place, without_effect: list[Place]) -> None:
    for candidate in shape.shapes[:-1]:
        try:
            check(value, candidate, place, [])
        except UserError:
            continue
        check(value, candidate, place, without_effect)
        return
    check(value, shape.shapes[-1], place, without_effect)


def _mapping(value: Any, place: Place) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"'{_last(place)}' is {_kind(value)}, and has to be a mapping", where=place)
    return value


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
