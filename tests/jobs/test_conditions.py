"""If/else conditions, as a table."""

import pytest

from reelhouse.errors import UserError
from reelhouse.jobs.conditions import evaluate
from reelhouse.jobs.definition import ConditionOp


@pytest.mark.parametrize(
    ("left", "op", "right", "expected"),
    [
        ("a", "EQUAL_TO", "a", True),
        ("12.0", "EQUAL_TO", "12", False),
        ("12.0", "NOT_EQUAL", "12", True),
        ("12.0", "GREATER_THAN_OR_EQUAL", "12", True),
        ("9", "LESS_THAN", "10", True),
        ("9", "GREATER_THAN", "10", False),
        ("-1", "LESS_THAN_OR_EQUAL", "-1.0", True),
        (True, "EQUAL_TO", "true", True),
        (False, "EQUAL_TO", "false", True),
        (5, "GREATER_THAN", "4", True),
        (5, "EQUAL_TO", "5", True),
    ],
)
def test_text_is_compared_as_text_and_order_as_numbers(left, op, right, expected):
    assert evaluate(left, ConditionOp(op), right) is expected


@pytest.mark.parametrize(
    ("left", "op", "right", "message"),
    [
        ("x", "GREATER_THAN", "1", "'x' is none"),
        ("", "LESS_THAN", "1", "compares numbers"),
        ("nan", "LESS_THAN", "1", "compares numbers"),
        ([1], "EQUAL_TO", "[1]", "cannot compare"),
        ("a", "NOT_EQUAL", {"a": 1}, "cannot compare"),
    ],
)
def test_what_cannot_be_compared_fails(left, op, right, message):
    with pytest.raises(UserError, match=message):
        evaluate(left, ConditionOp(op), right)
