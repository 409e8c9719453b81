"""Values that JSON has no form for, as Data Factory writes them."""

from __future__ import annotations

import base64
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """What stands for a value in JSON. Raises `TypeError` for one that has no form."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case timedelta():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
