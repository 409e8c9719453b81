"""If/else conditions.

https://docs.databricks.com/aws/en/jobs/if-else
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from reelhouse.errors import UserError
from reelhouse.jobs.definition import ConditionOp

_COMPARISONS: Mapping[ConditionOp, Callable[[Decimal, Decimal], bool]] = {
    ConditionOp.GREATER_THAN: operator.gt,
    ConditionOp.GREATER_THAN_OR_EQUAL: operator.ge,
    ConditionOp.LESS_THAN: operator.lt,
    ConditionOp.LESS_THAN_OR_EQUAL: operator.le,
}


def evaluate(left: Any, op: ConditionOp, right: Any) -> bool:
    """Whether the condition holds. EQUAL_TO and NOT_EQUAL compare text, the others numbers.

    >>> evaluate("12.0", ConditionOp.EQUAL_TO, "12")
    False
    >>> evaluate("12.0", ConditionOp.GREATER_THAN_OR_EQUAL, "12")
    True

    Raises `UserError` for lists and objects on either side, and for what is not a number where one is needed.
    """
    one, other = _text(left), _text(right)
    if op is ConditionOp.EQUAL_TO:
        return one == other
    if op is ConditionOp.NOT_EQUAL:
        return one != other
    return _COMPARISONS[op](_number(one, op), _number(other, op))


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise UserError(
            f"A condition cannot compare {json.dumps(value)}", remedy="Compare texts, numbers, true and false."
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _number(text: str, op: ConditionOp) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan():
        raise UserError(f"{op} compares numbers, and '{text}' is none")
    return number
