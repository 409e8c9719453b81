"""The SQL files of a pipeline: statements that define datasets and flows, read into the same registry as Python's.

https://docs.databricks.com/aws/en/ldp/developer/sql-ref
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from reelhouse.errors import Place, Unsupported, UserError, did_you_mean
from reelhouse.pipelines.api.change_data_capture import check_change_flow, scd_type
from reelhouse.pipelines.ddl import TableSchema, table_elements
from reelhouse.pipelines.definitions import ChangeFlow, Dataset, DatasetKind, Flow, FlowKind, Query, Registry
from reelhouse.pipelines.tokens import Kind, Tokens

_PARAMETER = re.compile(r"\$\{([^}]+)\}")
_STATEMENTS = (
    "CREATE OR REFRESH STREAMING TABLE, CREATE OR REFRESH MATERIALIZED VIEW, CREATE TEMPORARY VIEW, CREATE FLOW, "
    "AUTO CDC INTO, APPLY CHANGES INTO, SET"
)

Sql = Callable[[str], Any]
"""`spark.sql`."""


def define(text: str, file: str, registry: Registry, configuration: dict[str, str], run_sql: Sql) -> None:
    """Read the statements of a SQL file into `registry`.

    `configuration` answers `${key}`; `SET key = value` adds to it. Raises `UserError` with file and line for a
    statement that cannot be read and `Unsupported` for one that pipelines do not have.
    """
    for statement, line in _statements(text, registry.place(file, 1)):
        place = registry.place(file, line)
        tokens = Tokens(_with_values(statement, configuration, place), place, line)
        _Statement(tokens, place, registry, configuration, run_sql).read()


def _statements(text: str, place: Place) -> Iterator[tuple[str, int]]:
    """Each statement with the line it begins on."""
    tokens = Tokens(text, place, 1)
    while not tokens.at_end:
        start = tokens.token.start
        piece = tokens.until((";",))
        if piece:
            yield piece, text.count("\n", 0, start) + 1
        elif not tokens.matches(";") and not tokens.at_end:
            raise tokens.error("expected a statement")
        tokens.accept(";")


def _with_values(statement: str, configuration: dict[str, str], place: Place) -> str:
    def value(match: re.Match[str]) -> str:
        key = match[1].strip()
        if key not in configuration:
            raise UserError(
                f"'${{{key}}}' is not in the pipeline's configuration",
                where=place,
                remedy=did_you_mean(key, configuration),
            )
        return configuration[key]

    return _PARAMETER.sub(value, statement)


@dataclass
class _Statement:
    tokens: Tokens
    place: Place
    registry: Registry
    configuration: dict[str, str]
    run_sql: Sql

    def read(self) -> None:
        tokens = self.tokens
        if tokens.accept("SET"):
            key, _, value = tokens.text[tokens.token.start :].partition("=")
            self.configuration[key.strip().strip("`")] = self.registry.configuration[key.strip().strip("`")] = (
                value.strip().strip("'\"")
            )
        elif tokens.accept("APPLY", "CHANGES") or tokens.accept("AUTO", "CDC"):
            self._change_flow(None)
        elif tokens.accept("CREATE"):
            self._create()
        else:
            raise Unsupported(
                f"A pipeline has no statement '{tokens.token.text.upper()}'",
                where=tokens.place(),
                remedy=f"Supported: {_STATEMENTS}.",
            )

    def _create(self) -> None:
        tokens = self.tokens
        if not tokens.accept("OR", "REFRESH"):
            tokens.accept("OR", "REPLACE")
        private = tokens.accept("PRIVATE")
        temporary = tokens.accept("TEMPORARY") or tokens.accept("TEMP")
        if tokens.accept("FLOW"):
            self._flow()
        elif tokens.accept("STREAMING", "TABLE") or tokens.accept("STREAMING", "LIVE", "TABLE"):
            self._table(DatasetKind.STREAMING_TABLE, FlowKind.APPEND, private or temporary)
        elif tokens.accept("MATERIALIZED", "VIEW") or tokens.accept("LIVE", "TABLE"):
            self._table(DatasetKind.MATERIALIZED_VIEW, FlowKind.MATERIALIZED_VIEW, private or temporary)
        elif self._is_view(temporary):
            self._table(DatasetKind.TEMPORARY_VIEW, FlowKind.VIEW, False)
        else:
            remedy = f"Supported: {_STATEMENTS}."
            what = f"A pipeline cannot CREATE {tokens.token.text.upper()}"
            raise Unsupported(what, where=tokens.place(), remedy=remedy)

    def _is_view(self, temporary: bool) -> bool:
        tokens = self.tokens
        if tokens.accept("STREAMING", "LIVE", "VIEW") or tokens.accept("LIVE", "VIEW"):
            return True
        return temporary and (tokens.accept("VIEW") or tokens.accept("STREAMING", "VIEW"))

    def _table(self, kind: DatasetKind, flow: FlowKind, private: bool) -> None:
        tokens = self.tokens
        tokens.accept("IF", "NOT", "EXISTS")
        name = _without_live(tokens.name())
        schema = TableSchema()
        if tokens.accept("("):
            schema = table_elements(tokens, typed=kind is not DatasetKind.TEMPORARY_VIEW)
            tokens.expect(")")
        clauses = self._clauses()
        self.registry.datasets.append(
            Dataset(
                name=name,
                kind=kind,
                place=self.place,
                comment=clauses.comment,
                schema=schema if schema.columns else None,
                properties=clauses.properties,
                partition_by=clauses.partition_by,
                cluster_by=clauses.cluster_by,
                path=clauses.path,
                private=private,
                expectations=schema.expectations,
            )
        )
        if tokens.accept("AS"):
            self._add_flow(Flow(name, name, self.place, self._query(), flow))
        elif kind is not DatasetKind.STREAMING_TABLE:
            raise tokens.error("expected AS and a query")
        elif not tokens.at_end:
            raise tokens.error("expected a clause of CREATE STREAMING TABLE, or AS")

    def _clauses(self) -> _Clauses:
        tokens, clauses = self.tokens, _Clauses()
        while True:
            if tokens.accept("COMMENT"):
                clauses.comment = tokens.string()
            elif tokens.accept("PARTITIONED", "BY"):
                clauses.partition_by = tokens.names_in_brackets()
            elif tokens.accept("CLUSTER", "BY", "AUTO"):
                pass
            elif tokens.accept("CLUSTER", "BY"):
                clauses.cluster_by = tokens.names_in_brackets()
            elif tokens.accept("TBLPROPERTIES"):
                clauses.properties = _properties(tokens)
            elif tokens.accept("LOCATION"):
                clauses.path = tokens.string()
            elif tokens.accept("USING"):
                if tokens.identifier().lower() != "delta":
                    raise Unsupported("Tables of a pipeline are Delta tables", where=tokens.place())
            elif tokens.matches("WITH", "ROW") or tokens.matches("SCHEDULE") or tokens.matches("TRIGGER"):
                what = f"Clause {tokens.token.text.upper()} of a pipeline's table is not supported"
                raise Unsupported(what, where=tokens.place())
            else:
                return clauses

    def _flow(self) -> None:
        tokens = self.tokens
        name = tokens.name()
        if tokens.accept("COMMENT"):
            tokens.string()
        tokens.expect("AS")
        if tokens.accept("AUTO", "CDC") or tokens.accept("APPLY", "CHANGES"):
            self._change_flow(name)
            return
        tokens.expect("INSERT", "INTO")
        once = tokens.accept("ONCE")
        target = _without_live(tokens.name())
        tokens.expect("BY", "NAME")
        self._add_flow(Flow(name, target, self.place, self._query(), FlowKind.APPEND, once))

    def _query(self) -> Query:
        query = self.tokens.text[self.tokens.token.start :].strip()
        if not query:
            raise self.tokens.error("expected a query")
        return lambda: self.run_sql(query)

    def _add_flow(self, flow: Flow | ChangeFlow) -> None:
        self.registry.flows.append(flow)

    def _change_flow(self, name: str | None) -> None:
        tokens = self.tokens
        once = tokens.accept("ONCE")
        tokens.expect("INTO")
        target = _without_live(tokens.name())
        tokens.expect("FROM")
        bracket = tokens.accept("STREAM", "(")
        if not bracket:
            tokens.expect("STREAM")
        source = tokens.name()
        if bracket:
            tokens.expect(")")
        given: dict[str, Any] = {}
        tokens.expect("KEYS")
        given["keys"] = tokens.names_in_brackets()
        while not tokens.at_end:
            self._change_clause(given)
        if "sequence_by" not in given:
            raise tokens.error("expected SEQUENCE BY")
        flow = ChangeFlow(name or target, target, source, self.place, once=once, **given)
        check_change_flow(flow)
        self._add_flow(flow)

    def _change_clause(self, given: dict[str, Any]) -> None:
        tokens = self.tokens
        if tokens.accept("IGNORE", "NULL", "UPDATES"):
            given["ignore_null_updates"] = True
        elif tokens.accept("WHERE"):
            given["where"] = tokens.until(*_CHANGE_CLAUSES)
        elif tokens.matches("APPLY", "AS"):
            if "sequence_by" in given:
                raise tokens.error("APPLY AS comes before SEQUENCE BY")
            key = "apply_as_deletes" if tokens.peek(2).text.upper() == "DELETE" else "apply_as_truncates"
            tokens.position += 3
            tokens.expect("WHEN")
            given[key] = tokens.until(*_CHANGE_CLAUSES)
        elif tokens.accept("SEQUENCE", "BY"):
            given["sequence_by"] = tokens.until(*_CHANGE_CLAUSES)
        elif tokens.accept("COLUMNS"):
            self._column_choice(given, "column_list", "except_column_list")
        elif tokens.accept("STORED", "AS", "SCD", "TYPE"):
            given["scd_type"] = scd_type(tokens.next().text, tokens.place())
        elif tokens.accept("TRACK", "HISTORY", "ON"):
            self._column_choice(given, "track_history", "track_history_except")
        else:
            raise tokens.error("expected a clause of AUTO CDC INTO")

    def _column_choice(self, given: dict[str, Any], chosen: str, left_out: str) -> None:
        tokens = self.tokens
        if tokens.accept("*"):
            tokens.expect("EXCEPT")
            given[left_out] = tokens.names_in_brackets()
        elif tokens.matches("("):
            given[chosen] = tokens.names_in_brackets()
        else:
            names = [tokens.identifier()]
            while tokens.accept(","):
                names.append(tokens.identifier())
            given[chosen] = tuple(names)


_CHANGE_CLAUSES = (
    ("IGNORE", "NULL"),
    ("APPLY", "AS"),
    ("SEQUENCE", "BY"),
    ("COLUMNS",),
    ("STORED", "AS"),
    ("TRACK", "HISTORY"),
)


@dataclass
class _Clauses:
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    path: str | None = None


def _properties(tokens: Tokens) -> dict[str, str]:
    tokens.expect("(")
    found: dict[str, str] = {}
    while True:
        key = tokens.string() if tokens.token.kind is Kind.STRING else tokens.name()
        tokens.accept("=")
        found[key] = tokens.string() if tokens.token.kind is Kind.STRING else tokens.next().text
        if not tokens.accept(","):
            break
    tokens.expect(")")
    return found


def _without_live(name: str) -> str:
    return name[5:] if name.upper().startswith("LIVE.") else name
