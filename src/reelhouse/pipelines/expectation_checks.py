"""Checks expectations before anything runs: each is asked of the engine over no rows.

https://docs.databricks.com/aws/en/ldp/expectations
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelhouse.delta.write import Expectation
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean
from reelhouse.pipelines.ddl import type_text
from reelhouse.pipelines.tokens import Tokens
from reelhouse.plans import plan

Fields = list[dict[str, Any]]
"""Fields of Spark's JSON schema."""
Ask = Callable[[plan.Relation], Fields]
"""Asks the engine for the fields of a plan."""

_ATTRIBUTE = re.compile(r"attribute ObjectName\(\[(.*?)\]\) is missing")
_IDENTIFIER = re.compile(r'Identifier\("((?:[^"\\]|\\.)*)"\)')
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Rules:
    """The expectations of a dataset, and where each stands."""

    dataset: str
    rules: Sequence[Expectation]
    places: Mapping[str, Place]
    place: Place

    def place_of(self, rule: Expectation) -> Place:
        return self.places.get(rule.name, self.place)

    def check(self, rows: plan.Relation | None, names: Sequence[str], ask: Ask) -> None:
        """Raise `UserError` for the first rule that cannot be tried on the rows of a plan; None: they are not known.

        The engine is asked once for all; only when it refuses it is asked for each, to tell which one it is.
        """
        for rule in self.rules:
            self._refuse_subquery(rule)
        if rows is None or not self.rules:
            return
        try:
            fields = ask(_tried(rows, self.rules))
        except Exception:
            for rule in self.rules:
                self._ask_alone(rule, rows, names, ask)
            raise
        for rule, field in zip(self.rules, fields, strict=True):
            if field["type"] not in ("boolean", "void"):
                raise UserError(
                    f"{self._of(rule)} has the type {type_text(field['type'])}, and not BOOLEAN",
                    where=self.place_of(rule),
                )

    def _of(self, rule: Expectation) -> str:
        return f"Expectation '{rule.name}' of dataset '{self.dataset}' ({rule.constraint})"

    def _refuse_subquery(self, rule: Expectation) -> None:
        tokens = Tokens(rule.constraint, self.place_of(rule))
        while not tokens.at_end:
            if tokens.accept("(", "SELECT") or tokens.accept("(", "WITH") or tokens.token.text == ";":
                raise Unsupported(
                    f"{self._of(rule)} has a subquery or a statement of its own, which expectations cannot have",
                    where=self.place_of(rule),
                    remedy="Join what it asks for in the query, and let the expectation test the joined column.",
                )
            tokens.next()

    def _ask_alone(self, rule: Expectation, rows: plan.Relation, names: Sequence[str], ask: Ask) -> None:
        try:
            ask(_tried(rows, [rule]))
        except Exception as error:
            reason, remedy = _reason(error, names)
            raise UserError(
                f"{self._of(rule)} cannot be resolved: {reason}", where=self.place_of(rule), remedy=remedy
            ) from error


def _tried(rows: plan.Relation, rules: Sequence[Expectation]) -> plan.Relation:
    return plan.project(rows, [plan.named(plan.expression(f"({r.constraint})"), f"r{i}") for i, r in enumerate(rules)])


def _reason(error: Exception, names: Sequence[str]) -> tuple[str, str]:
    """What the engine says, in a person's words where the column is known that it misses; and a remedy."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    missing = _ATTRIBUTE.search(text)
    if missing is None:
        return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…", ""
    name = ".".join(_IDENTIFIER.findall(missing[1]))
    return f"its rows have no column '{name}'", did_you_mean(name, names)
