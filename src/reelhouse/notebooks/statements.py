"""The SQL of a cell: taken apart into statements, with the widgets it names.

https://docs.databricks.com/aws/en/notebooks/widgets#widgets-in-sql
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reelhouse.errors import Place, Unsupported, UserError, did_you_mean

# Strings (with backslash escapes and doubled quotes), quoted identifiers and comments: nothing in them is syntax.
_OPAQUE = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)
_SCRIPT = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*BEGIN\b(?!\s*(?:TRANSACTION\b|;|$))", re.IGNORECASE | re.DOTALL)
_MARKER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_BRACED = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_GET_ARGUMENT = re.compile(r"\bgetArgument\(\s*(['\"])([^'\"]+)\1\s*\)", re.IGNORECASE)


def split_statements(text: str) -> list[tuple[str, int]]:
    """The statements of a text, each with the number of lines before it. Statements of comments alone are left out.

    Raises `Unsupported` for a script (`BEGIN … END`), whose semicolons do not end statements.

    >>> split_statements("SELECT ';';\\n-- done\\nSELECT 2")
    [("SELECT ';'", 0), ('-- done\\nSELECT 2', 1)]
    """
    if _SCRIPT.match(text):
        raise Unsupported("SQL scripts (BEGIN … END) are not supported", remedy="Write their statements one by one.")
    statements, start = [], 0
    for end in [*_semicolons(text), len(text)]:
        piece = text[start:end]
        if _OPAQUE.sub(lambda m: "" if m[0].startswith(("--", "/*")) else m[0], piece).strip():
            lead = len(piece) - len(piece.lstrip())
            statements.append((piece.strip(), text.count("\n", 0, start + lead)))
        start = end + 1
    return statements


def _semicolons(text: str) -> Iterator[int]:
    for opaque, start, piece in _pieces(text):
        if not opaque:
            yield from (start + m.start() for m in re.finditer(";", piece))


def _pieces(text: str) -> Iterator[tuple[bool, int, str]]:
    """The text in order, as (is it a string or comment, offset, piece)."""
    position = 0
    for match in _OPAQUE.finditer(text):
        yield False, position, text[position : match.start()]
        yield True, match.start(), match[0]
        position = match.end()
    yield False, position, text[position:]


def markers(statement: str) -> list[str]:
    """The names of the parameter markers (`:name`) of a statement, in order, each once."""
    names = [m[1] for opaque, _, piece in _pieces(statement) if not opaque for m in _MARKER.finditer(piece)]
    return list(dict.fromkeys(names))


def bind(statement: str, values: Mapping[str, str], *, where: Place | None = None) -> tuple[str, dict[str, str]]:
    """The statement with `${name}` and `getArgument('name')` replaced, and the values of its `:name` markers.

    Raises `UserError` for a name that `values` lacks.
    """

    def value(name: str) -> str:
        if name not in values:
            raise UserError(
                f"The statement uses parameter '{name}', and no widget of that name is there",
                where=where,
                remedy=did_you_mean(name, values),
            )
        return values[name]

    def literal(match: re.Match[str]) -> str:
        escaped = value(match[2]).replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"

    replaced = _BRACED.sub(lambda m: value(m[1]), _GET_ARGUMENT.sub(literal, statement))
    return replaced, {name: value(name) for name in markers(replaced)}


@dataclass(frozen=True)
class WidgetStatement:
    """A statement about a widget: to declare it, or (`kind` is None) to remove it. `choices` is a query."""

    kind: str | None
    name: str
    default: str = ""
    choices: str | None = None


_CREATE_WIDGET = re.compile(
    r"CREATE\s+WIDGET\s+(?P<kind>TEXT|DROPDOWN|COMBOBOX|MULTISELECT)\s+(?P<name>`[^`]+`|\w+)\s+DEFAULT\s+"
    r"(?P<quote>['\"])(?P<default>.*?)(?P=quote)(?:\s+CHOICES\s+(?P<choices>.+))?",
    re.IGNORECASE | re.DOTALL,
)
_REMOVE_WIDGET = re.compile(r"REMOVE\s+WIDGET\s+(?P<name>`[^`]+`|\w+)", re.IGNORECASE)


def widget_statement(statement: str) -> WidgetStatement | None:
    """What a `CREATE WIDGET` or `REMOVE WIDGET` statement says; None for any other statement.

    >>> widget_statement("CREATE WIDGET TEXT catalog DEFAULT 'netflix'")
    WidgetStatement(kind='text', name='catalog', default='netflix', choices=None)
    """
    text = re.sub(r"^(?:\s+|--[^\n]*\n|/\*.*?\*/)+", "", statement, flags=re.DOTALL)
    if match := _CREATE_WIDGET.fullmatch(text):
        return WidgetStatement(match["kind"].lower(), match["name"].strip("`"), match["default"], match["choices"])
    if match := _REMOVE_WIDGET.fullmatch(text):
        return WidgetStatement(None, match["name"].strip("`"))
    return None
