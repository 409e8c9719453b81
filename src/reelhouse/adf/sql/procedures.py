"""Stored procedures: those of the database, or scripts of a folder where it has none.

`procedures` of `[sql]` names the folder; `usp_load` of the schema `dbo` is `dbo.usp_load.sql` or `usp_load.sql` there.
A script is written for the local database and takes the parameters of the procedure as `:name`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.sql.databases import Database
from reelhouse.adf.sql.errors import refused
from reelhouse.adf.sql.names import quoted
from reelhouse.adf.sql.translate import Statement, split
from reelhouse.errors import did_you_mean

if TYPE_CHECKING:
    from sqlalchemy import Connection

_POSTGRES = """
SELECT n.nspname, p.proname, p.prokind = 'p', COALESCE(p.proargnames, '{}') FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE lower(p.proname) = lower(%(name)s) AND lower(n.nspname) = lower(COALESCE(%(schema)s, current_schema()))
ORDER BY p.proname <> %(name)s
"""


def find_procedure(
    connection: Connection, database: Database, name: Sequence[str], values: Mapping[str, Any], code: str, reads: bool
) -> list[Statement]:
    """The statements that run a procedure. `reads` says that its rows are wanted. Raises `ActivityFailed`."""
    schema = name[-2] if len(name) > 1 else ""
    script = _script(database, schema, name[-1])
    if script is not None:
        return _of_script(script, database, values, code)
    if database.kind == "postgresql":
        found = _postgres(connection, database, schema, name[-1], values, code, reads)
        if found is not None:
            return [found]
    elif database.kind == "mssql":
        given = ", ".join(f"@{key} = :p{index}" for index, key in enumerate(values))
        return [Statement(f"EXEC {'.'.join(f'[{part}]' for part in name)} {given}", reads, list(values))]
    raise _unknown(database, ".".join(name), code)


def _script(database: Database, schema: str, name: str) -> Path | None:
    if database.target.procedures is None:
        return None
    folder = database.root / database.target.procedures
    wanted = {f"{schema}.{name}.sql".lower(), f"{name}.sql".lower()}
    if not folder.is_dir():
        return None
    found = [path for path in folder.iterdir() if path.name.lower() in wanted]
    return max(found, key=lambda path: len(path.name), default=None)


def _of_script(script: Path, database: Database, values: Mapping[str, Any], code: str) -> list[Statement]:
    """The statements of a script, with its parameters bound by name."""
    from sqlglot import tokenize
    from sqlglot.tokens import TokenType

    lower = {key.lower(): key for key in values}
    result = []
    for part in split(script.read_text(encoding="utf-8-sig"), database.dialect, code):
        pieces: list[str] = []
        names: list[str] = []
        position = 0
        tokens = tokenize(part, read=database.dialect)
        for token, after in pairwise(tokens):
            is_name = after.start == token.end + 1 and after.text.replace("_", "a").isalnum()
            if token.token_type not in (TokenType.COLON, TokenType.PARAMETER) or not is_name:
                continue
            if after.text.lower() not in lower:
                raise refused(
                    code, "SqlInvalidDbStoredProcedure",
                    f"The script {script.name} wants the parameter '{after.text}'. {did_you_mean(after.text, values)}",
                )  # fmt: skip
            pieces += [part[position : token.start].replace(":", "\\:"), f":p{len(names)}"]
            names.append(lower[after.text.lower()])
            position = after.end + 1
        pieces.append(part[position:].replace(":", "\\:"))
        word = tokens[0].text.lower() if tokens else ""
        reads = word in ("select", "with", "values") or any(token.text.lower() == "returning" for token in tokens)
        result.append(Statement("".join(pieces), reads, names))
    return result


def _postgres(
    connection: Connection,
    database: Database,
    schema: str,
    name: str,
    values: Mapping[str, Any],
    code: str,
    reads: bool,
) -> Statement | None:
    rows = connection.exec_driver_sql(_POSTGRES, {"name": name, "schema": database.schema(schema)}).all()
    if not rows:
        return None
    own_schema, own_name, is_procedure, arguments = rows[0]
    known = {argument.lower(): argument for argument in arguments}
    unknown = [key for key in values if key.lower() not in known]
    if unknown:
        message = f"The procedure '{name}' has no parameter '{unknown[0]}'. {did_you_mean(unknown[0], arguments)}"
        raise refused(code, "SqlInvalidDbStoredProcedure", message)
    given = ", ".join(f"{quoted(known[key.lower()])} => :p{index}" for index, key in enumerate(values))
    call = f"{quoted(own_schema)}.{quoted(own_name)}({given})"
    if not is_procedure:
        return Statement(f"SELECT * FROM {call}", True, list(values))
    if reads:
        message = f"'{name}' is a procedure of PostgreSQL, which gives no rows: make it a function"
        raise refused(code, "SqlInvalidDbStoredProcedure", message)
    return Statement(f"CALL {call}", False, list(values))


def _unknown(database: Database, name: str, code: str) -> ActivityFailed:
    folder = database.target.procedures
    remedy = (
        f"Write it as {name}.sql in {folder}."
        if folder
        else f"Name a folder of scripts as procedures of '{database.key}' in [sql] of reelhouse.toml."
    )
    return refused(code, "SqlInvalidDbStoredProcedure", f"There is no stored procedure '{name}'. {remedy}")
