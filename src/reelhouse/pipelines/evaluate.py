"""Calls the query functions of a pipeline and takes the plans of what they return, without letting them do anything.

https://docs.databricks.com/aws/en/ldp/developer/python-dev
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark.sql.connect.proto as proto

from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.pipelines.definitions import Flow, Registry
from reelhouse.pipelines.load import user_error
from reelhouse.pipelines.plans import lift_sql, pivots
from reelhouse.plans import plan

_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|from|values|table)\b", re.IGNORECASE | re.DOTALL)
_RUNS = ("to_table", "to_table_as_iterator", "to_pandas", "execute_command_as_iterator")


class SideEffect(UserError):
    """A definition that does something instead of describing it."""


@contextmanager
def nothing_runs(spark: Any) -> Iterator[None]:
    """While this holds, whatever would run on `spark` (collect, count, save, start, …) raises `SideEffect`.

    SQL text that is a query becomes its plan without being run; functions may be registered.
    """
    client = spark.client
    execute = client.execute_command

    def refuse(*_: Any, **__: Any) -> Any:
        raise SideEffect(
            "A pipeline's definition runs a query or writes something",
            remedy="Definitions are evaluated several times: return a DataFrame; do not collect, count, save or start.",
        )

    def command(command: Any, observations: Any = None) -> Any:
        kind = command.WhichOneof("command_type")
        if kind == "register_function":
            return execute(command, observations)
        if kind == "sql_command":
            given = command.sql_command.input
            query = given.with_relations.root.sql.query if plan.kind(given) == "with_relations" else given.sql.query
            if _QUERY.match(query):
                return None, {"sql_command_result": given}, None
        return refuse()

    client.execute_command = command
    for name in _RUNS:
        setattr(client, name, refuse)
    try:
        yield
    finally:
        for name in ("execute_command", *_RUNS):
            delattr(client, name)


def relation_of(frame: Any, spark: Any, place: Place) -> plan.Relation:
    """The plan of a DataFrame, with the tables of SQL text standing beside it. Raises `UserError` for anything else."""
    inner = getattr(frame, "_plan", None)
    if inner is None or not hasattr(inner, "to_proto"):
        raise UserError(f"A query function returned {frame!r}, which is not a DataFrame", where=place)
    relation = inner.to_proto(spark.client).root
    if pivots(relation):
        raise Unsupported("pivot() is not supported in pipelines", where=place)
    return lift_sql(relation, place)


def evaluate(flow: Flow, spark: Any, registry: Registry) -> plan.Relation:
    """The plan of a flow's query.

    Raises `UserError` naming the flow and the line for whatever its function raises.
    """
    try:
        return relation_of(flow.query(), spark, flow.place)
    except Exception as error:
        cause = user_error(error, registry, _file_of(flow))
        what = f"Flow '{flow.name}' of dataset '{flow.target}' cannot be evaluated: {cause.what}"
        kind = type(error) if isinstance(error, (SideEffect, Unsupported)) else UserError
        raise kind(what, where=cause.where or flow.place, remedy=cause.remedy) from error


def _file_of(flow: Flow) -> Path | None:
    code = getattr(flow.query, "__code__", None)
    return Path(code.co_filename) if code is not None and code.co_filename.endswith(".py") else None


def frame(spark: Any, relation: plan.Relation) -> Any:
    """A DataFrame of stock PySpark over a plan."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import CachedRelation

    own = proto.Relation()
    own.CopyFrom(relation)
    return DataFrame(CachedRelation(own), spark)
