"""Expectations that no commit counts: those of temporary views, and of rows that are compared before they are written.

A view's plan carries a mark where its rules are to be tried, so that they are found again in the plan that reads it.
https://docs.databricks.com/aws/en/ldp/expectations
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelhouse.delta.write import Commit, Expectation, OnViolation
from reelhouse.errors import UserError
from reelhouse.plans import plan

_MARK = "__expectations_of_"


@dataclass(frozen=True)
class Counts:
    """How the rules of one dataset fared. `failed` is by rule."""

    checked: int = 0
    failed: Mapping[str, int] | None = None
    dropped: int = 0

    @staticmethod
    def of(commit: Commit) -> Counts:
        return Counts(commit.checked, commit.failed, commit.dropped)

    def __add__(self, other: Counts) -> Counts:
        failed = dict(self.failed or {})
        for name, count in (other.failed or {}).items():
            failed[name] = failed.get(name, 0) + count
        return Counts(self.checked + other.checked, failed, self.dropped + other.dropped)


class ViolatedExpectation(UserError):
    """A rule with action FAIL was broken."""


def is_true(constraint: str) -> str:
    """SQL that is true where a rule is met and false where it is not; NULL is not met."""
    return f"coalesce(({constraint}), false)"


def kept(rules: Sequence[Expectation]) -> str | None:
    """The condition of rows that no DROP rule leaves out, or None when there is no such rule."""
    drops = [is_true(rule.constraint) for rule in rules if rule.action is OnViolation.DROP]
    return " AND ".join(drops) if drops else None


def guarded(relation: plan.Relation, key: str, rules: Sequence[Expectation]) -> plan.Relation:
    """A view's rows without those that its DROP rules leave out, marked so that `marked` finds them."""
    if not rules:
        return relation
    marked_rows = plan.alias(relation, _MARK + key)
    condition = kept(rules)
    return plan.where(marked_rows, plan.expression(condition)) if condition else marked_rows


def marked(relation: plan.Relation) -> dict[str, plan.Relation]:
    """The views that a plan reads and whose rules are to be counted: their rows before any is dropped."""
    return {
        node.subquery_alias.alias.removeprefix(_MARK): node.subquery_alias.input
        for node in plan.walk(relation)
        if plan.kind(node) == "subquery_alias" and node.subquery_alias.alias.startswith(_MARK)
    }


def counting(relation: plan.Relation, rules: Sequence[Expectation]) -> plan.Relation:
    """A plan of one row: rows, rows that no DROP rule keeps, and for each rule the rows that break it."""
    condition = kept(rules)
    expressions = [
        plan.named(plan.expression("count(1)"), "checked"),
        plan.named(_number_of(f"NOT ({condition})" if condition else "false"), "dropped"),
        *(plan.named(_number_of(f"NOT {is_true(r.constraint)}"), f"r{i}") for i, r in enumerate(rules)),
    ]
    return plan.project(relation, expressions)


def _number_of(condition: str) -> Any:
    return plan.expression(f"coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)")


def counts(row: Mapping[str, Any], rules: Sequence[Expectation], dataset: str) -> Counts:
    """What the row of `counting` says. Raises `ViolatedExpectation` when a FAIL rule is broken."""
    failed = {rule.name: int(row[f"r{i}"]) for i, rule in enumerate(rules)}
    for rule in rules:
        if rule.action is OnViolation.FAIL and failed[rule.name]:
            raise ViolatedExpectation(
                f"EXPECTATION_VIOLATION: {failed[rule.name]} rows of '{dataset}' broke expectation '{rule.name}' "
                f"({rule.constraint}), whose action is FAIL; nothing was written"
            )
    return Counts(int(row["checked"]), failed, int(row["dropped"]))


def data_quality(counts: Counts, dataset: str) -> dict[str, Any]:
    """The event log's `data_quality`."""
    return {
        "dropped_records": counts.dropped,
        "expectations": [
            {
                "name": name,
                "dataset": dataset,
                "passed_records": counts.checked - failed,
                "failed_records": failed,
            }
            for name, failed in (counts.failed or {}).items()
        ],
    }
