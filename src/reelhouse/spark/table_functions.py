"""Table functions of Databricks SQL that no engine has: done here, or refused by name.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-functions-builtin-tvf
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from reelhouse.errors import Unsupported, UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.tokens import Kind, Token, tokenise

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

_MAYBE = re.compile(r"\b(?:cloud_files_state|read_files|table_changes|read_kafka|cloud_files)\s*\(", re.IGNORECASE)
_REFUSED = {
    "READ_KAFKA": "",
    "CLOUD_FILES": "Use spark.readStream.format('cloudFiles').",
}
_STATE = "CLOUD_FILES_STATE"
_CHANGES = "TABLE_CHANGES"
_names = itertools.count(1)


def replaced(context: SessionContext, text: str) -> tuple[str, dict[str, plan.Relation]]:
    """The text with names in the place of these functions' calls, and the rows that each name stands for.

    Raises `Unsupported` for a table function of Databricks that is not done here.
    """
    references: dict[str, plan.Relation] = {}
    if not _MAYBE.search(text):
        return text, references
    text = _without_read_files(context, text, references)
    tokens = tokenise(text)
    edits: list[tuple[int, int, str]] = []
    for place, token in enumerate(tokens[1:-1], start=1):
        if not _is_call(tokens, place):
            continue
        name = token.text.upper()
        if name in _REFUSED:
            raise Unsupported(
                f"The table function {name.lower()} is not supported in a query here", remedy=_REFUSED[name]
            )
        if name == _STATE:
            checkpoint, end = _checkpoint(tokens, place)
            reference = f"__reelhouse_state_{next(_names)}"
            references[reference] = _file_states(context, checkpoint)
            edits.append((token.start, end, reference))
        if name == _CHANGES:
            reference = f"__reelhouse_changes_{next(_names)}"
            references[reference], end = _table_changes(context, tokens, place)
            edits.append((token.start, end, reference))
    for start, end, reference in reversed(edits):
        text = text[:start] + reference + text[end:]
    return text, references


def _without_read_files(context: SessionContext, text: str, references: dict[str, plan.Relation]) -> str:
    from reelhouse.spark import read_files

    for call in reversed(read_files.calls(text)):
        if call.streaming:
            raise Unsupported(
                "STREAM read_files(…) is supported in streaming tables of a pipeline alone",
                remedy="Use spark.readStream.format('cloudFiles') here.",
            )
        name = f"__reelhouse_files_{next(_names)}"
        references[name] = read_files.batch(context, call)
        text = text[: call.start] + name + text[call.end :]
    return text


def _is_call(tokens: list[Token], place: int) -> bool:
    """Whether a function is called where a table may stand."""
    before, token, after = tokens[place - 1 : place + 2]
    return (
        token.kind is Kind.WORD
        and after.text == "("
        and (before.is_word("FROM", "JOIN", "STREAM") or before.text in ",(")
    )


def _checkpoint(tokens: list[Token], place: int) -> tuple[str, int]:
    argument, close = tokens[place + 2], tokens[place + 3]
    if argument.is_word("TABLE"):
        raise Unsupported(
            "cloud_files_state(TABLE(…)) is not supported here",
            remedy="Name the stream's checkpoint: cloud_files_state('abfss://…/_checkpoints/…').",
        )
    if argument.kind is not Kind.STRING or close.text != ")":
        raise UserError("cloud_files_state takes the address of a checkpoint, as a text in quotes")
    return argument.text, close.end


def _table_changes(context: SessionContext, tokens: list[Token], place: int) -> tuple[plan.Relation, int]:
    """The rows of `table_changes('name', start [, end])`, and where the call ends."""
    from reelhouse.spark.change_reads import Range, of_table

    close = next((at for at in range(place, len(tokens)) if tokens[at].text == ")"), None)
    inside = [token for token in tokens[place + 2 : close] if token.text != ","] if close is not None else []
    kinds = [token.kind for token in inside]
    if close is None or not 2 <= len(inside) <= 3 or kinds[0] is not Kind.STRING:
        raise UserError("table_changes takes a table's name, a start and perhaps an end: ('db.t', 3, 5)")
    ends = [_change_end(token) for token in inside[1:]]
    asked = Range(ends[0], ends[1] if len(ends) > 1 else (None, None))
    return of_table(context, plan.split_name(inside[0].text), context.current, asked), tokens[close].end


def _change_end(token: Token) -> tuple[int | None, str | None]:
    if token.kind is Kind.STRING:
        return None, token.text
    if not token.text.isdigit():
        raise UserError(f"'{token.text}' is neither a version nor a timestamp in quotes")
    return int(token.text), None


def _file_states(context: SessionContext, checkpoint: str) -> plan.Relation:
    import pyarrow as pa

    from reelhouse.spark.replies import to_relation
    from reelhouse.streaming.file_states import cloud_files_state

    moment = pa.timestamp("us", "UTC")
    types = {
        "path": pa.string(),
        "size": pa.int64(),
        "create_time": moment,
        "discovery_time": moment,
        "processed_time": moment,
        "commit_time": moment,
        "archive_time": moment,
        "archive_mode": pa.string(),
        "move_location": pa.string(),
        "source_id": pa.string(),
        "flow_name": pa.string(),
        "ingestion_state": pa.string(),
    }
    rows = cloud_files_state(checkpoint, context.lake)
    return to_relation(pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))))
