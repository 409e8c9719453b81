"""What is wrong with an artifact, found without running it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reelhouse.errors import Place, ReelhouseError, UserError, did_you_mean


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, and what with its remedy."""

    severity: Severity
    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.message} ({self.place})"

    def error(self) -> UserError:
        return UserError(self.message, where=self.place)


def problem(place: Place, what: str, remedy: str = "") -> Finding:
    """An error."""
    return Finding(Severity.ERROR, place, str(ReelhouseError(what, remedy=remedy)))


def warning(place: Place, what: str, remedy: str = "") -> Finding:
    return Finding(Severity.WARNING, place, str(ReelhouseError(what, remedy=remedy)))


ModelT = TypeVar("ModelT", bound=BaseModel)


def checked(model: type[ModelT], raw: Any, place: Place, of: str, findings: list[Finding]) -> ModelT | None:
    """The model of a JSON object, or None after adding to `findings` what is wrong with it. `of` names its owner."""
    if not isinstance(raw, Mapping):
        findings.append(problem(place, f"{of} must be a JSON object, it is {type(raw).__name__}"))
        return None
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        findings.extend(_problems(error, model, place, of))
        return None


def _problems(error: ValidationError, model: type[BaseModel], place: Place, of: str) -> Iterable[Finding]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    for item in error.errors(include_url=False):
        spot = place
        for part in item["loc"]:
            spot = spot.at(part)
        last = next((part for part in reversed(item["loc"]) if isinstance(part, str)), "")
        if item["type"] == "extra_forbidden":
            yield problem(spot, f"{of} has no property '{last}'", did_you_mean(last, names))
        elif item["type"] == "missing":
            yield problem(spot, f"{of} lacks the property '{last}'")
        else:
            yield problem(spot, *_of_value(item, last, of))


_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a JSON object",
}
"""What pydantic's errors ask for, in the words of JSON."""


def _of_value(item: Mapping[str, Any], name: str, of: str) -> tuple[str, str]:
    """What is wrong with a value, and the remedy."""
    owner = of[0].lower() + of[1:] if of.startswith(("A ", "An ", "The ")) else of
    given = item["input"]
    shown = json.dumps(given, ensure_ascii=False, default=str)
    shown = f"{shown[:40]}…" if len(shown) > 41 else shown
    if item["type"] == "enum":
        known = re.findall(r"'([^']+)'", item["ctx"]["expected"])
        near = get_close_matches(str(given), known, n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        return f"The property '{name}' of {owner} has {shown}", f"{hint}Allowed: {', '.join(known)}."
    wanted = _WANTED.get(item["type"])
    if wanted is not None:
        return f"The property '{name}' of {owner} has to be {wanted}, it is {shown}", ""
    return f"The property '{name}' of {owner} is wrong: {item['msg']}", ""
