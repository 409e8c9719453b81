"""SqlServerStoredProcedure: a procedure of the database, or a script in its place.

https://learn.microsoft.com/azure/data-factory/transform-data-using-stored-procedure
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, wrong
from reelhouse.adf.activity.store import INTEGRATION_RUNTIME
from reelhouse.adf.dataset import open_database
from reelhouse.adf.definition import Activity
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.settings import SqlServerStoredProcedure
from reelhouse.adf.sql.errors import PROCEDURE
from reelhouse.adf.sql.names import parts_of
from reelhouse.adf.sql.parameters import for_driver, procedure_parameters
from reelhouse.adf.sql.procedures import find_procedure


def check_linked_service(activity: Activity, findings: list[Finding]) -> None:
    """An activity on a database names its linked service itself."""
    if activity.linked_service is None:
        findings.append(problem(activity.place, f"A {activity.type} needs a linked service", "Give linkedServiceName."))


def prepare_stored_procedure(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, SqlServerStoredProcedure)
    findings: list[Finding] = []
    check_linked_service(ctx.activity, findings)
    if findings or ctx.activity.linked_service is None:
        raise findings[0].error()
    database = open_database(ctx, ctx.activity.linked_service, ctx.scope)
    name = text(ctx.value(settings.stored_procedure_name, "storedProcedureName"))
    try:
        parts = parts_of(name)
    except ValueError as error:
        raise wrong(ctx, str(error), "storedProcedureName") from None
    place = ctx.properties.at("storedProcedureParameters")
    given = ctx.value(settings.stored_procedure_parameters, "storedProcedureParameters")
    values = procedure_parameters(given, place)

    def act() -> Any:
        from sqlalchemy import text as sql_text

        bound = {key: for_driver(value, database.kind) for key, value in values.items()}
        with database.connect(PROCEDURE) as connection:
            for statement in find_procedure(connection, database, parts, bound, PROCEDURE, False):
                ctx.waiting().check()
                connection.execute(sql_text(statement.text), statement.bound(bound))
        return {"effectiveIntegrationRuntime": INTEGRATION_RUNTIME, "executionDuration": 0}

    shown = {"storedProcedureName": name, "storedProcedureParameters": given or {}}
    return Work(shown, act)
