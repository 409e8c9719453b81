"""Arguments of parameters, from a plan's expressions or from Python values, as SQL literals. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reelhouse.errors import Unsupported
from reelhouse.spark.statements.tokens import literal

Arguments = Mapping[str, Any] | Sequence[Any] | None


def to_literals(arguments: Arguments) -> dict[str, str] | list[str]:
    """The arguments as SQL text, by name or in order."""
    if isinstance(arguments, Mapping):
        return {name: to_literal(value) for name, value in arguments.items()}
    return [to_literal(value) for value in arguments or ()]


def to_literal(value: Any) -> str:
    """One argument as SQL text: a Python value, or a `proto.Expression` that holds a literal."""
    if hasattr(value, "WhichOneof"):
        return _from_expression(value)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value) if abs(value) < 2**31 else f"{value}L"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, Decimal):
        return (
            f"CAST('{value}' AS DECIMAL({max(len(value.as_tuple().digits), -_exponent(value), 1)},{-_exponent(value)}))"
        )
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, datetime):
        kind = "TIMESTAMP" if value.tzinfo else "TIMESTAMP_NTZ"
        return f"{kind}'{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE'{value.isoformat()}'"
    raise Unsupported(f"An argument of type {type(value).__name__} is not supported in a statement")


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def _from_expression(expression: Any) -> str:
    kind = expression.WhichOneof("expr_type")
    if kind != "literal":
        raise Unsupported(f"An argument that is no literal ({kind}) is not supported in a statement")
    held = expression.literal
    name = held.WhichOneof("literal_type")
    value = getattr(held, name)
    if name == "null":
        return "NULL"
    if name == "decimal":
        return to_literal(Decimal(value.value))
    if name == "date":
        return to_literal(date(1970, 1, 1) + timedelta(days=value))
    if name in ("timestamp", "timestamp_ntz"):
        moment = datetime(1970, 1, 1, tzinfo=UTC if name == "timestamp" else None) + timedelta(microseconds=value)
        return to_literal(moment)
    if name in ("boolean", "byte", "short", "integer", "long", "float", "double", "string"):
        return to_literal(value)
    raise Unsupported(f"An argument of type {name} is not supported in a statement")
