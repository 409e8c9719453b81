"""MERGE INTO: the engine joins, one commit takes the result.

https://docs.databricks.com/aws/en/sql/language-manual/delta-merge-into
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reelhouse.delta.alter import column
from reelhouse.delta.schema import Field, fields_of
from reelhouse.delta.write import Mode, WriteSpec
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.lookup import (
    Table,
    counts,
    find_own_table,
    records_changes,
    repeat_on_conflict,
    rows_of,
    schema_of,
)
from reelhouse.spark.statements.merge_plan import MergePlan, plan_merge, source_name, split_alias
from reelhouse.spark.statements.rows import check_assignable
from reelhouse.spark.statements.statement import Merge
from reelhouse.spark.statements.tokens import requalify

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext

_AUTO_MERGE = "spark.databricks.delta.schema.autoMerge.enabled"


def merge(context: SessionContext, statement: Merge) -> pa.Table:
    """MERGE INTO. Raises `UserError` when several source rows want to change one row of the target."""
    return repeat_on_conflict(lambda: _merge(context, statement))


def _merge(context: SessionContext, statement: Merge) -> pa.Table:
    table = find_own_table(context, statement.table, "MERGE", rows=True)
    snapshot = table.snapshot()
    statement = _with_short_names(context, statement)
    own = fields_of(snapshot.schema)
    evolve = statement.schema_evolution or (context.conf.read(_AUTO_MERGE) or "false").lower() == "true"
    found = plan_merge(
        table.at(snapshot),
        statement.alias or statement.table[-1],
        statement.source,
        statement.condition,
        statement.clauses,
        own,
        schema_of(context, plan.sql(f"SELECT * FROM {split_alias(statement.source)[0]}")),
        evolve=evolve,
    )
    _check_types(context, found, table)
    joined = _count(context, found)
    # a row of the target stands once in the join for every source row that matches it, and at least once
    of_target = sum(n for action, n in joined.items() if action not in (-1, *found.numbers(action="INSERT")))
    duplicates = of_target != snapshot.records and _has_duplicates(context, found, table)
    changed = _count(context, found, distinct=True) if duplicates else joined
    updated, deleted = (sum(changed.get(n, 0) for n in found.numbers(action=a)) for a in ("UPDATE", "DELETE"))
    inserted = sum(joined.get(n, 0) for n in found.numbers(action="INSERT"))
    if updated + deleted + inserted:
        only_new = updated + deleted == 0
        recorded = records_changes(snapshot) and not only_new
        context.write(
            plan.sql(found.rows_query(only_new=only_new, duplicates=duplicates, mark=recorded)),
            table.target,
            WriteSpec(
                Mode.APPEND if only_new else Mode.OVERWRITE,
                operation="MERGE",
                operation_parameters=_parameters(statement),
                merge_schema=evolve,
                read_version=snapshot.version,
                metrics={
                    "numTargetRowsInserted": inserted,
                    "numTargetRowsUpdated": updated,
                    "numTargetRowsDeleted": deleted,
                },
                counts={"added": inserted, "updated": updated, "removed": deleted},
            ),
            before=plan.sql(found.before_query()) if recorded else None,
        )
    return counts(
        num_affected_rows=updated + deleted + inserted,
        num_updated_rows=updated,
        num_deleted_rows=deleted,
        num_inserted_rows=inserted,
    )


def _with_short_names(context: SessionContext, statement: Merge) -> Merge:
    """The statement with columns qualified by aliases, as its tables stand in subqueries that have no other name."""
    names: dict[tuple[str, ...], str] = {}
    for name, alias in ((statement.table, statement.alias), source_name(statement.source)):
        if alias is None and name:
            full = context.catalog.resolve_name(name, context.current) if name[0].lower() != "delta" else None
            known = (full.catalog, full.schema, full.table) if full else name
            names |= {known[start:]: name[-1] for start in range(len(known) - 1)}
    if not names:
        return statement

    def short(text: str) -> str:
        return requalify(text, names)

    clauses = tuple(
        replace(
            clause,
            condition=clause.condition and short(clause.condition),
            assignments=clause.assignments and tuple((column, short(text)) for column, text in clause.assignments),
        )
        for clause in statement.clauses
    )
    return replace(statement, condition=short(statement.condition), clauses=clauses)


def _count(context: SessionContext, found: MergePlan, *, distinct: bool = False) -> dict[int, int]:
    rows = rows_of(context, plan.sql(found.actions_query(distinct=distinct)))
    return {int(row["action"]): int(row["n"]) for row in rows}


def _has_duplicates(context: SessionContext, found: MergePlan, table: Table) -> bool:
    """Whether a row of the target is matched more than once; an error when it would be changed more than once."""
    matched = found.numbers("MATCHED")
    most = rows_of(context, plan.sql(found.matches_query()))[0]
    if most["changes"] > 1:
        only = found.clauses[matched[0] - 1]
        if len(matched) > 1 or only.action != "DELETE" or only.condition is not None:
            raise UserError(
                "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE: several rows of the source match one row of "
                f"'{table.name}' and would change it; nothing was written",
                remedy="Make the source unique by the columns of the ON condition.",
            )
    return bool(most["matches"] > 1)


def _check_types(context: SessionContext, found: MergePlan, table: Table) -> None:
    """Every value that a clause writes has to be storable in its column."""
    for values in found.values:
        if not values:
            continue
        query = ", ".join(f"({text}) AS {plan.quote(name)}" for name, text in values.items())
        given: list[Field] = schema_of(context, plan.sql(f"SELECT {query} FROM {found.joined}"))
        check_assignable(((column(found.columns, field["name"]), field) for field in given), table.name)


def _parameters(statement: Merge) -> dict[str, str]:
    import json

    kinds = {
        "matchedPredicates": "MATCHED",
        "notMatchedPredicates": "NOT MATCHED",
        "notMatchedBySourcePredicates": "NOT MATCHED BY SOURCE",
    }
    found = {
        key: json.dumps(
            [
                {"actionType": clause.action.lower()} | ({"predicate": clause.condition} if clause.condition else {})
                for clause in statement.clauses
                if clause.kind == kind
            ]
        )
        for key, kind in kinds.items()
    }
    return {"predicate": json.dumps([statement.condition]), **found}
