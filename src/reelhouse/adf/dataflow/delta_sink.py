"""Sinks that are Delta tables: append, overwrite, or a merge by the policies of the rows.

https://learn.microsoft.com/azure/data-factory/format-delta#sink-properties
"""

from __future__ import annotations

import uuid

from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.functions.meta import POLICIES
from reelhouse.adf.dataflow.sink import Plan
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.spec import flag, texts


def write_delta(plan: Plan, scope: Scope) -> int:
    """Change the table in one commit; the number of rows that were written comes back."""
    folder = plan.store.local(plan.store.path)
    exists = (folder / "_delta_log").is_dir()
    changes = [name for name in ("updateable", "upsertable", "deletable") if flag(plan.item, name)]
    overwrite = flag(plan.item, "overwrite")
    truncate = flag(plan.item, "truncate") or flag(plan.item, "deltaTruncate")
    if changes and exists and not overwrite and not truncate:
        return _merge(plan, scope, str(folder))
    frame = plan.frame.drop(plan.policy) if plan.policy else plan.frame
    writer = frame.write.format("delta").mode("overwrite" if overwrite or truncate else "append")
    if overwrite:
        writer = writer.option("overwriteSchema", "true")
    if flag(plan.item, "mergeSchema"):
        writer = writer.option("mergeSchema", "true")
    writer.save(str(folder))
    return _rows_of_last_commit(scope, str(folder))


def _rows_of_last_commit(scope: Scope, folder: str) -> int:
    row = scope.flow.spark.sql(f"DESCRIBE HISTORY delta.`{folder}` LIMIT 1").select("operationMetrics").collect()
    metrics = dict(row[0][0] or {}) if row else {}
    return int(metrics.get("numOutputRows", 0))


def _merge(plan: Plan, scope: Scope, folder: str) -> int:
    """Rows that match are updated or deleted, others inserted, each if its policy and the sink say so."""
    keys = [str(scope.constant(node)) for node in texts(plan.item.option("keys"))]
    if not keys:
        raise ScriptError(f"The sink '{plan.item.name}' needs keys to update, upsert or delete by", plan.item.line)
    missing = [key for key in keys if key not in plan.names]
    if missing:
        raise ScriptError(
            f"The sink '{plan.item.name}' writes no column '{missing[0]}', which is a key", plan.item.line
        )
    spark = scope.flow.spark
    view = f"dataflow_{uuid.uuid4().hex}"
    plan.frame.createOrReplaceTempView(view)
    try:
        rows = spark.sql(_statement(plan, view, folder, keys)).collect()
    finally:
        spark.catalog.dropTempView(view)
    return int(rows[0][0]) if rows else 0


def _statement(plan: Plan, view: str, folder: str, keys: list[str]) -> str:
    policy = f"s.`{plan.policy}`" if plan.policy else str(POLICIES["insert"])
    same = " AND ".join(f"t.{_quoted(key)} = s.{_quoted(key)}" for key in keys)
    clauses = []
    if flag(plan.item, "deletable"):
        clauses.append(f"WHEN MATCHED AND {policy} = {POLICIES['delete']} THEN DELETE")
    updates = [POLICIES[name] for name, option in _UPDATES if flag(plan.item, option)]
    if updates:
        sets = ", ".join(f"t.{_quoted(name)} = s.{_quoted(name)}" for name in plan.names)
        clauses.append(f"WHEN MATCHED AND {policy} IN ({_list(updates)}) THEN UPDATE SET {sets}")
    inserts = [POLICIES["upsert"]] if flag(plan.item, "upsertable") else []
    if flag(plan.item, "insertable", default=True):
        inserts.append(POLICIES["insert"])
    if inserts:
        names = ", ".join(_quoted(name) for name in plan.names)
        values = ", ".join(f"s.{_quoted(name)}" for name in plan.names)
        clauses.append(f"WHEN NOT MATCHED AND {policy} IN ({_list(inserts)}) THEN INSERT ({names}) VALUES ({values})")
    return f"MERGE INTO delta.`{folder}` t USING {view} s ON {same} {' '.join(clauses)}"


_UPDATES = (("update", "updateable"), ("upsert", "upsertable"))


def _list(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
