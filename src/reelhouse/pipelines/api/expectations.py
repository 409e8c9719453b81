"""Decorators that declare expectations.

https://docs.databricks.com/aws/en/ldp/expectations
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.delta.write import Expectation, OnViolation
from reelhouse.errors import Place, UserError
from reelhouse.pipelines.api.calls import F, caller


def rules_of(group: Mapping[str, str], action: OnViolation, place: Place) -> list[Expectation]:
    if not isinstance(group, Mapping):
        raise UserError(f"Expectations are a dict of name to SQL, not {group!r}", where=place)
    return [_rule(name, constraint, action, place) for name, constraint in group.items()]


def _rule(name: Any, constraint: Any, action: OnViolation, place: Place) -> Expectation:
    if not isinstance(name, str) or not isinstance(constraint, str):
        raise UserError(f"Expectation {name!r} needs a name and SQL text, not {constraint!r}", where=place)
    return Expectation(name, constraint, action)


def _expect(group: Mapping[str, str], action: OnViolation) -> Callable[[F], F]:
    registry, place = caller()
    rules = rules_of(group, action, place)

    def mark(function: F) -> F:
        registry.rules.extend((function, rule, place) for rule in reversed(rules))
        return function

    return mark


def expect(name: str, constraint: str) -> Callable[[F], F]:
    """Count rows for which `constraint` is not true, and keep them.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-expectations
    """
    return _expect({name: constraint}, OnViolation.ALLOW)


def expect_or_drop(name: str, constraint: str) -> Callable[[F], F]:
    """Count rows for which `constraint` is not true, and leave them out."""
    return _expect({name: constraint}, OnViolation.DROP)


def expect_or_fail(name: str, constraint: str) -> Callable[[F], F]:
    """Fail the flow when `constraint` is not true for a row."""
    return _expect({name: constraint}, OnViolation.FAIL)


def expect_all(expectations: Mapping[str, str]) -> Callable[[F], F]:
    """`expect` for each of several rules."""
    return _expect(expectations, OnViolation.ALLOW)


def expect_all_or_drop(expectations: Mapping[str, str]) -> Callable[[F], F]:
    """`expect_or_drop` for each of several rules."""
    return _expect(expectations, OnViolation.DROP)


def expect_all_or_fail(expectations: Mapping[str, str]) -> Callable[[F], F]:
    """`expect_or_fail` for each of several rules."""
    return _expect(expectations, OnViolation.FAIL)
