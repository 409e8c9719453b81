"""String functions. Comparison ignores case where documented; lengths count UTF-16 units, as .NET does.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#string-functions
"""

from __future__ import annotations

import uuid
from typing import Any

from reelhouse.adf.expression.functions.function import BadArgument, Function, expect_integer, expect_text
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.values import text

WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What .NET takes for white space. Python's own set has the separators U+001C to U+001F too."""


def is_wide(value: str) -> bool:
    """Whether a text has characters that take two UTF-16 units."""
    return not value.isascii() and max(value) > "\uffff"


def utf16_length(value: str) -> int:
    return len(value.encode("utf-16-le", "surrogatepass")) // 2 if is_wide(value) else len(value)


def utf16_slice(value: str, start: int, end: int | None) -> str:
    """A part of a text, counted in UTF-16 units."""
    if not value or not is_wide(value):
        return value[start:end]
    data = value.encode("utf-16-le", "surrogatepass")
    return data[2 * start : None if end is None else 2 * end].decode("utf-16-le", "surrogatepass")


def concat(*values: Any) -> str:
    return "".join([value if isinstance(value, str) else text(value) for value in values])


def lower(value: str) -> str:
    """Lower case, one character for one (invariant culture)."""
    if value.isascii():
        return value.lower()
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in value)


def upper(value: str) -> str:
    """Upper case, one character for one (invariant culture)."""
    if value.isascii():
        return value.upper()
    # The dotless i stays as it is in the invariant culture.
    return "".join(c.upper() if len(c.upper()) == 1 and c != "ı" else c for c in value)


def ends_with(value: Any, suffix: Any) -> bool:
    return upper(expect_text(value, 0)).endswith(upper(expect_text(suffix, 1)))


def starts_with(value: Any, prefix: Any) -> bool:
    return upper(expect_text(value, 0)).startswith(upper(expect_text(prefix, 1)))


def _units(value: str, index: int) -> int:
    return index if index <= 0 or value.isascii() else utf16_length(value[:index])


def index_of(value: Any, search: Any) -> int:
    whole = upper(expect_text(value, 0))
    return _units(whole, whole.find(upper(expect_text(search, 1))))


def last_index_of(value: Any, search: Any) -> int:
    whole = upper(expect_text(value, 0))
    return _units(whole, whole.rfind(upper(expect_text(search, 1))))


def replace(value: Any, old: Any, new: Any) -> str:
    if expect_text(old, 1) == "":
        raise BadArgument(1, "the text to replace must not be empty")
    return expect_text(value, 0).replace(old, expect_text(new, 2))


def split(value: Any, separator: Any) -> list[str]:
    whole = expect_text(value, 0)
    return whole.split(separator) if expect_text(separator, 1) else [whole]


def substring(value: Any, start: Any, length: Any = None) -> str:
    whole = expect_text(value, 0)
    units = utf16_length(whole) if whole else 0
    first = expect_integer(start, 1)
    if not 0 <= first < units:
        raise BadArgument(1, f"the start {first} is outside of the text, which has {units} characters")
    if length is None:
        return utf16_slice(whole, first, None)
    count = expect_integer(length, 2)
    if count < 0 or first + count > units:
        raise BadArgument(
            2,
            f"start {first} and length {count} reach past the end of the text, which has {units} characters",
            "Use take() or min() where the text may be shorter.",
        )
    return utf16_slice(whole, first, first + count)


def to_lower(value: Any) -> str:
    return lower(expect_text(value, 0))


def to_upper(value: Any) -> str:
    return upper(expect_text(value, 0))


def trim(value: Any) -> str:
    return expect_text(value, 0).strip(WHITE)


def guid(scope: Scope, form: Any = "D") -> str:
    value = uuid.UUID(scope.guid())
    name = expect_text(form, 0)
    if name == "D":
        return str(value)
    if name == "N":
        return value.hex
    if name == "B":
        return f"{{{value}}}"
    if name == "P":
        return f"({value})"
    if name == "X":
        tail = ",".join(f"0x{byte:02x}" for byte in value.bytes[8:])
        return f"{{0x{value.time_low:08x},0x{value.time_mid:04x},0x{value.time_hi_version:04x},{{{tail}}}}}"
    raise BadArgument(0, f"'{name}' is no format of a GUID", "Use 'D', 'N', 'B', 'P' or 'X'.")


STRING_FUNCTIONS = (
    Function("concat", concat, 1, None),
    Function("endsWith", ends_with, 2, 2),
    Function("guid", guid, 0, 1, scoped=True),
    Function("indexOf", index_of, 2, 2),
    Function("lastIndexOf", last_index_of, 2, 2),
    Function("replace", replace, 3, 3),
    Function("split", split, 2, 2),
    Function("startsWith", starts_with, 2, 2),
    Function("substring", substring, 2, 3),
    Function("toLower", to_lower, 1, 1),
    Function("toUpper", to_upper, 1, 1),
    Function("trim", trim, 1, 1),
)
