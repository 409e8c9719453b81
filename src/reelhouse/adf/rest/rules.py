"""Pagination rules as data, read from what a source, or a dataset of the model of before, has.

https://learn.microsoft.com/azure/data-factory/connector-rest#pagination-support
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, problem, warning
from reelhouse.adf.rest.json_path import JsonPath, parse_path
from reelhouse.errors import Place, UserError, did_you_mean

KEYS = ("AbsoluteUrl", "QueryParameters.<name>", "Headers.<name>", "EndCondition:<path>", "MaxRequestNumber",
        "supportRFC5988")  # fmt: skip
_NAMED = re.compile(r"(QueryParameters|Headers|AbsoluteUrl)(?:\.(\S.*)|\['(.+)'\])")
_HEADER = re.compile(r"headers(?:\.(\S.*)|\['(.+)'\])", re.IGNORECASE)
_VARIABLE = re.compile(r"\{.+\}")


@dataclass(frozen=True)
class Range:
    """The values from `start` to `end`, that included. Without an end there is no last one."""

    start: int
    end: int | None
    step: int

    def reaches(self, position: int) -> bool:
        """Whether a position belongs to it."""
        if self.end is None:
            return True
        return position <= self.end if self.step > 0 else position >= self.end


@dataclass(frozen=True)
class FromHeader:
    """A header of the answer, by its name in lower case."""

    name: str


Source = JsonPath | FromHeader


class Target(StrEnum):
    """What of the next request a rule makes."""

    URL = "AbsoluteUrl"
    QUERY = "QueryParameters"
    HEADER = "Headers"


@dataclass(frozen=True)
class Rule:
    """`name` is that of the query parameter or header; in braces it is a variable in the URL or in a header."""

    target: Target
    name: str
    value: Range | Source

    @property
    def is_variable(self) -> bool:
        return _VARIABLE.fullmatch(self.name) is not None


class Ending(StrEnum):
    EMPTY = "Empty"
    EXIST = "Exist"
    NON_EXIST = "NonExist"
    CONST = "Const"


@dataclass(frozen=True)
class EndCondition:
    """No page follows an answer where this holds. `const` is what the value of a `Const` is."""

    source: Source
    ending: Ending
    const: str = ""


@dataclass(frozen=True)
class Rules:
    """`links` follows the Link headers of RFC 5988, which counts only without a rule."""

    rules: tuple[Rule, ...] = ()
    ends: tuple[EndCondition, ...] = ()
    max_requests: int | None = None
    links: bool = False

    @property
    def range(self) -> Range | None:
        return next((rule.value for rule in self.rules if isinstance(rule.value, Range)), None)


def read_rules(raw: Any, place: Place, findings: list[Finding]) -> Rules:
    """The rules of an object or of its text. What is wrong is added to `findings`.

    Without any rules Link headers are followed; with an empty object they are not.
    """
    if raw is None or raw == "":
        return Rules(links=True)
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            raw = None
    if not isinstance(raw, Mapping):
        findings.append(problem(place, "paginationRules has to be a JSON object, or the text of one"))
        return Rules()
    rules = Rules()
    for key, value in raw.items():
        try:
            rules = _with(rules, str(key), value)
        except UserError as error:
            findings.append(problem(place.at(str(key)), error.what, error.remedy))
    if len([rule for rule in rules.rules if isinstance(rule.value, Range)]) > 1:
        findings.append(problem(place, "More than one RANGE in the pagination rules is not supported"))
    endless = rules.range is not None and rules.range.end is None and not rules.ends and rules.max_requests is None
    if endless and len(rules.rules) == 1:
        what = "A RANGE without an end goes on until the endpoint answers with status 204"
        findings.append(warning(place, what, "Give an EndCondition or MaxRequestNumber."))
    return rules


def _with(rules: Rules, key: str, value: Any) -> Rules:
    """The rules and one more. Raises `UserError`."""
    said = text(value).strip()
    if key.lower() == "supportrfc5988":
        return replace(rules, links=said.lower() == "true")
    if key == "MaxRequestNumber":
        if said and (not said.isdigit() or int(said) < 1):
            raise UserError(f"MaxRequestNumber has to be a number of at least 1, it is '{said}'")
        return replace(rules, max_requests=int(said) if said else None)
    if key.startswith("EndCondition:"):
        return replace(rules, ends=(*rules.ends, _end(key.removeprefix("EndCondition:").strip(), said)))
    if key == "AbsoluteUrl":
        return _add(rules, Rule(Target.URL, "", _value(said)))
    match = _NAMED.fullmatch(key)
    if match is None:
        raise UserError(f"'{key}' is no pagination rule", remedy=did_you_mean(key, KEYS))
    rule = Rule(Target(match[1]), match[2] or match[3], _value(said))
    if rule.target is Target.URL and not rule.is_variable:
        raise UserError(f"A variable of the URL is written in braces, as AbsoluteUrl.{{{rule.name}}}")
    if rule.is_variable and not isinstance(rule.value, Range):
        raise UserError(f"The variable {rule.name} needs a RANGE, it has '{said}'")
    return _add(rules, rule)


def _add(rules: Rules, rule: Rule) -> Rules:
    if rule.target is Target.URL and not rule.is_variable and isinstance(rule.value, Range):
        raise UserError("AbsoluteUrl takes a JSON path or a header", remedy="Write AbsoluteUrl.{name} for a RANGE.")
    return replace(rules, rules=(*rules.rules, rule))


def _value(said: str) -> Range | Source:
    if said.upper().startswith("RANGE:"):
        return _range(said)
    return _source(said)


def _range(said: str) -> Range:
    parts = [part.strip() for part in said.split(":")[1:]]
    numbers = [int(part) if re.fullmatch(r"-?\d+", part) else None for part in parts]
    if len(parts) != 3 or numbers[0] is None or not numbers[2] or (parts[1] and numbers[1] is None):
        raise UserError(f"'{said}' is no range", remedy="Write RANGE:<start>:<end>:<offset>; the end may be empty.")
    return Range(numbers[0], numbers[1], numbers[2])


def _source(said: str) -> Source:
    header = _HEADER.fullmatch(said)
    if header is not None:
        return FromHeader((header[1] or header[2]).lower())
    if said.startswith("$"):
        return parse_path(said)
    raise UserError(
        f"'{said}' is no value of a pagination rule", remedy="Write a JSON path ($.…), Headers.<name> or RANGE:…."
    )


def _end(source: str, said: str) -> EndCondition:
    if said.startswith("Const:"):
        return EndCondition(_source(source), Ending.CONST, said.removeprefix("Const:"))
    try:
        ending = Ending(said)
    except ValueError:
        ending = Ending.CONST
    if ending is Ending.CONST:
        known = ["Const:<value>", *(item.value for item in Ending if item is not Ending.CONST)]
        raise UserError(f"'{said}' is no end condition", remedy=f"Known: {', '.join(known)}.")
    return EndCondition(_source(source), ending)
