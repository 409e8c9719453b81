"""What the masks of staged files say about the expectations of a write. Pure.

The engine adds one integer column to the rows, in which bit i says that rule i is broken, and writes the files in
folders by it: so every rule is counted from the files' footers, with no second pass over the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelhouse.delta.properties import CONSTRAINT
from reelhouse.delta.write import Expectation, OnViolation
from reelhouse.errors import UserError


class ExpectationViolation(UserError):
    """A rule with action FAIL, or a CHECK constraint, was broken: nothing is committed."""

    def __init__(self, what: str, failed: Mapping[str, int], *, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.failed = dict(failed)


@dataclass(frozen=True)
class Verdict:
    """Rows that broke each rule, rows looked at, rows left out; and which masks' files stay in the table."""

    failed: Mapping[str, int]
    checked: int
    dropped: int
    kept_masks: frozenset[int]


def constraint_rules(properties: Mapping[str, str]) -> tuple[Expectation, ...]:
    """The CHECK constraints of a table as rules that fail the write, in the order of their names.

    A row breaks a CHECK constraint when it is false or NULL, as it breaks an expectation.
    """
    return tuple(
        Expectation(key, properties[key], OnViolation.FAIL) for key in sorted(properties) if key.startswith(CONSTRAINT)
    )


def judge(rows_by_mask: Mapping[int, int], rules: Sequence[Expectation], table: str) -> Verdict:
    """Judge the rows of each mask. Raises `ExpectationViolation` when a rule with action FAIL is broken."""
    failed = {rule.name: _broken(rows_by_mask, bit) for bit, rule in enumerate(rules)}
    fatal = [rule for rule in rules if rule.action is OnViolation.FAIL and failed[rule.name]]
    if fatal:
        raise _violation(fatal[0], failed, table)
    drop = sum(1 << bit for bit, rule in enumerate(rules) if rule.action is OnViolation.DROP)
    kept = frozenset(mask for mask in rows_by_mask if not mask & drop)
    dropped = sum(rows for mask, rows in rows_by_mask.items() if mask not in kept)
    own = {name: count for name, count in failed.items() if not name.startswith(CONSTRAINT)}
    return Verdict(own, sum(rows_by_mask.values()), dropped, kept)


def _broken(rows_by_mask: Mapping[int, int], bit: int) -> int:
    return sum(rows for mask, rows in rows_by_mask.items() if mask >> bit & 1)


def _violation(rule: Expectation, failed: Mapping[str, int], table: str) -> ExpectationViolation:
    count = failed[rule.name]
    rows = f"{count} row{'s' if count != 1 else ''}"
    if rule.name.startswith(CONSTRAINT):
        name = rule.name.removeprefix(CONSTRAINT)
        return ExpectationViolation(
            f"DELTA_VIOLATE_CONSTRAINT_WITH_VALUES: CHECK constraint {name} ({rule.constraint}) of '{table}' is "
            f"violated by {rows}; nothing was written",
            failed,
        )
    return ExpectationViolation(
        f"EXPECTATION_VIOLATION: {rows} for '{table}' broke expectation '{rule.name}' ({rule.constraint}), whose "
        "action is FAIL; nothing was written",
        failed,
    )
