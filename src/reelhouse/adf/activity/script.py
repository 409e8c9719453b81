"""Script: blocks of SQL, run in their order in one transaction.

On Azure each block commits on its own; here a script that fails leaves nothing.
https://learn.microsoft.com/azure/data-factory/transform-data-using-script
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, as_seconds, size_of, wrong
from reelhouse.adf.activity.stored_procedure import check_linked_service
from reelhouse.adf.dataset import open_database
from reelhouse.adf.definition import Activity
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.rest.json_values import plain
from reelhouse.adf.settings import Script
from reelhouse.adf.settings.sql import ScriptBlock, ScriptParameter
from reelhouse.adf.sql.databases import Database
from reelhouse.adf.sql.errors import SCRIPT
from reelhouse.adf.sql.limits import limited
from reelhouse.adf.sql.parameters import for_driver, script_parameter, typed
from reelhouse.adf.sql.translate import statements
from reelhouse.errors import Place

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_ROWS = 5000
MAX_SIZE = 4 * 1024 * 1024
KINDS = ("Query", "NonQuery")


@dataclass(frozen=True)
class _Block:
    sql: str
    reads: bool
    parameters: Mapping[str, Any]


@dataclass
class _Results:
    sets: list[dict[str, Any]] = field(default_factory=list)
    affected: int = 0
    truncated: bool = False
    rows: int = 0


def check_script(activity: Activity, settings: Script, findings: list[Finding]) -> None:
    """What can be seen of a Script before it runs."""
    check_linked_service(activity, findings)
    place = activity.properties
    if settings.log_settings not in (None, {}):
        raw = settings.log_settings
        where = raw.get("logDestination") if isinstance(raw, Mapping) else None
        if where != "ActivityOutput":
            message = "Logs of a Script go to its output here, not to a store"
            findings.append(problem(place.at("logSettings"), message, "Set logDestination to ActivityOutput."))
    if isinstance(settings.scripts, list):
        for index, raw in enumerate(settings.scripts):
            _check_block(raw, place.at("scripts").at(index), findings)


def _check_block(raw: Any, place: Place, findings: list[Finding]) -> None:
    block = checked(ScriptBlock, raw, place, "A script", findings)
    if block is None:
        return
    kind = block.type
    if isinstance(kind, str) and "@" not in kind and kind.lower() not in [known.lower() for known in KINDS]:
        findings.append(problem(place.at("type"), f"'{kind}' is no type of a script", f"Known: {', '.join(KINDS)}."))
    for index, item in enumerate(block.parameters if isinstance(block.parameters, list) else []):
        spot = place.at("parameters").at(index)
        parameter = checked(ScriptParameter, item, spot, "A parameter", findings)
        direction = parameter.direction if parameter is not None else None
        if isinstance(direction, str) and direction.lower() in ("output", "inputoutput"):
            message = f"Parameters of the direction '{direction}' are not supported"
            findings.append(problem(spot.at("direction"), message, "SELECT the value in a Query instead."))


def prepare_script(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Script)
    findings: list[Finding] = []
    check_script(ctx.activity, settings, findings)
    if findings or ctx.activity.linked_service is None:
        raise findings[0].error()
    database = open_database(ctx, ctx.activity.linked_service, ctx.scope)
    raw = ctx.value(settings.scripts, "scripts")
    if not isinstance(raw, list) or not raw:
        raise wrong(ctx, "'scripts' is a list of scripts", "scripts")
    blocks = [_block(item, ctx.properties.at("scripts").at(index), database) for index, item in enumerate(raw)]
    every = ctx.value(settings.return_multistatement_result, "returnMultistatementResult")
    every_set = every is None or as_boolean(ctx, every, "returnMultistatementResult")
    decimals = ctx.value(settings.treat_decimal_as_string, "treatDecimalAsString")
    as_text = decimals is not None and as_boolean(ctx, decimals, "treatDecimalAsString")
    timeout = settings.script_block_execution_timeout or "02:00:00"
    seconds = as_seconds(
        ctx, ctx.value(timeout, "scriptBlockExecutionTimeout") or "02:00:00", "scriptBlockExecutionTimeout"
    )

    def act() -> Any:
        results = _Results()
        with database.connect(SCRIPT) as connection:
            for block in blocks:
                with limited(ctx, database, connection, seconds, SCRIPT):
                    _run(connection, database, block, results, every_set, as_text)
        return _output(results)

    return Work({"scripts": raw}, act)


def _block(raw: Any, place: Place, database: Database) -> _Block:
    """A block with evaluated values. Raises `UserError`."""
    findings: list[Finding] = []
    _check_block(raw, place, findings)
    if findings:
        raise findings[0].error()
    block = ScriptBlock.model_validate(raw)
    values: dict[str, Any] = {}
    for index, item in enumerate(block.parameters or []):
        spot = place.at("parameters").at(index)
        parameter = ScriptParameter.model_validate(item)
        script_parameter(parameter, spot)
        name = text(parameter.name).lstrip("@") or str(index)
        values[name] = for_driver(typed(parameter.value, parameter.type, spot), database.kind)
    return _Block(text(block.text), text(block.type).lower() == "query", values)


def _run(
    connection: Connection, database: Database, block: _Block, results: _Results, every_set: bool, as_text: bool
) -> None:
    from sqlalchemy import text as sql_text

    found = 0
    for statement in statements(connection, database, block.sql, SCRIPT, list(block.parameters)):
        result = connection.execute(sql_text(statement.text), statement.bound(block.parameters))
        if not result.returns_rows:
            results.affected += max(result.rowcount, 0)
            continue
        if block.reads and (every_set or not found):
            found += 1
            _take(result, results, as_text)
        result.close()


def _take(result: Any, results: _Results, as_text: bool) -> None:
    names = list(result.keys())
    rows = result.fetchmany(MAX_ROWS - results.rows + 1)
    if len(rows) > MAX_ROWS - results.rows:
        rows = rows[: MAX_ROWS - results.rows]
        results.truncated = True
    results.rows += len(rows)
    values = [{name: _json(value, as_text) for name, value in zip(names, row, strict=True)} for row in rows]
    results.sets.append({"rowCount": len(values), "rows": values})


def _json(value: Any, as_text: bool) -> Any:
    if as_text and type(value).__name__ == "Decimal":
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    try:
        return plain(value)
    except TypeError:
        return str(value)  # a UUID, a range, an address


def _output(results: _Results) -> dict[str, Any]:
    """The documented shape; rows are left out from the end where it would be larger than 4 MB."""
    output: dict[str, Any] = {
        "resultSetCount": len(results.sets),
        "recordsAffected": results.affected,
        "resultSets": results.sets,
        "outputParameters": {},
        "outputLogs": "",
        "outputLogsPath": "",
        "outputTruncated": results.truncated,
        "executionDuration": 0,
    }
    while size_of(output) > MAX_SIZE:
        output["outputTruncated"] = True
        largest = max(results.sets, key=lambda item: len(item["rows"]))
        largest["rows"] = largest["rows"][: len(largest["rows"]) // 2]
        largest["rowCount"] = len(largest["rows"])
    return output
