"""`read_files(path, option => value, …)` in SQL: files as Auto Loader sees them, read once.

https://docs.databricks.com/aws/en/sql/language-manual/functions/read_files
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelhouse.autoloader.options import CLOUD_FILES
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.tokens import Kind, Token, tokenise

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

_BY_ENDING = {
    ".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".txt": "text", ".parquet": "parquet",
    ".avro": "avro", ".orc": "orc", ".xml": "xml",
}  # fmt: skip
_CHOOSE_FILES = (
    "cloudfiles.usestrictglobber", "pathglobfilter", "filenamepattern", "modifiedafter", "modifiedbefore",
    "recursivefilelookup",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call in a text, from `start` to `end` (STREAM included). Option names are as written."""

    start: int
    end: int
    streaming: bool
    path: str
    options: Mapping[str, str]

    @property
    def schema(self) -> str | None:
        """The schema that the call gives."""
        return next((value for name, value in self.options.items() if name.lower() == "schema"), None)

    def cloud_options(self, format: str | None = None) -> dict[str, str]:
        """The options as Auto Loader takes them. Types are inferred unless it is said otherwise."""
        found = {"cloudFiles.inferColumnTypes": "true", "cloudFiles.useStrictGlobber": "true"}
        if format is not None:
            found["cloudFiles.format"] = format
        for name, value in self.options.items():
            key = name.lower().removeprefix("cloudfiles.")
            if key in CLOUD_FILES:
                found[f"cloudFiles.{CLOUD_FILES[key].name}"] = value
            elif key != "schema":
                found[name] = value
        return found


def calls(text: str) -> list[Call]:
    """The calls of `read_files` in a query, in their order. Raises `UserError` for one that cannot be read."""
    if "read_files" not in text.lower():
        return []
    tokens = tokenise(text)
    found = []
    for place, token in enumerate(tokens[:-1]):
        if token.is_word("READ_FILES") and tokens[place + 1].text == "(" and tokens[place - 1].text != ".":
            found.append(_call(tokens, place))
    return found


def _call(tokens: Sequence[Token], place: int) -> Call:
    close = _closing(tokens, place + 1)
    path = ""
    options: dict[str, str] = {}
    for number, words in enumerate(_arguments(tokens[place + 2 : close])):
        if number == 0 and len(words) == 1 and words[0].kind is Kind.STRING:
            path = words[0].text
            continue
        name, value = _option(words)
        if name.lower() in {known.lower() for known in options}:
            raise UserError(f"read_files gives the option '{name}' twice")
        options[name] = value
    if not path:
        raise UserError("read_files takes a path in quotes first", remedy="read_files('abfss://…', format => 'csv')")
    before = tokens[place - 1] if place else None
    streaming = before is not None and before.is_word("STREAM")
    start, end = tokens[place].start, tokens[close].end
    if streaming:
        assert before is not None
        start = before.start
    elif before is not None and before.text == "(" and place > 1 and tokens[place - 2].is_word("STREAM"):
        streaming, start, end = True, tokens[place - 2].start, tokens[close + 1].end
    return Call(start, end, streaming, path, options)


def _closing(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for place in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place].text, 0) if tokens[place].kind is Kind.SYMBOL else 0
        if depth == 0:
            return place
    raise UserError("read_files( has no closing bracket")


def _arguments(tokens: Sequence[Token]) -> list[list[Token]]:
    groups: list[list[Token]] = [[]]
    for token in tokens:
        if token.text == "," and token.kind is Kind.SYMBOL:
            groups.append([])
        else:
            groups[-1].append(token)
    return [group for group in groups if group]


def _option(words: Sequence[Token]) -> tuple[str, str]:
    """The name and value of `name => literal`."""
    arrow = "".join(word.text for word in words[1:-1])
    if len(words) < 3 or arrow not in ("=>", "=>-") or words[0].kind not in (Kind.WORD, Kind.QUOTED):
        raise UserError(
            f"read_files takes options as name => value, not '{' '.join(word.text for word in words)}'",
            remedy="Values are literals; names with dots stand in backticks.",
        )
    value = words[-1].text
    return words[0].text, value.lower() if words[-1].is_word("TRUE", "FALSE") else arrow[2:] + value


def stream(call: Call) -> plan.Relation:
    """The read of the call as a stream."""
    return plan.read_data_source("cloudFiles", call.cloud_options(), call.schema, [call.path], streaming=True)


def batch(context: SessionContext, call: Call) -> plan.Relation:
    """The rows of the files that are there now. Raises `UserError` without files, `Unsupported` for an option."""
    from reelhouse.streaming.read_once import files_of, rows_of

    given = call.cloud_options()
    if "cloudFiles.format" not in given:
        choosing = {name: value for name, value in given.items() if name.lower() in _CHOOSE_FILES}
        given = call.cloud_options(_format(files_of(context, call.path, {**choosing, "cloudFiles.format": "text"})))
    context.need_file_reader()
    return rows_of(context, call.path, given, call.schema)


def _format(paths: Sequence[str]) -> str:
    endings = {_BY_ENDING.get(os.path.splitext(path.removesuffix(".gz"))[1].lower(), "") for path in paths}
    if len(endings) != 1 or "" in endings:
        raise UserError(
            "read_files cannot tell the format by the names of the files", remedy="Give it: format => 'csv'."
        )
    return endings.pop()
