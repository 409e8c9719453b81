"""MERGE as queries: which row does what, and the rows of the table afterwards. Pure.

Every row of the target and the source is joined once. `__action` is the number of the clause that takes the joined
row (the first is 1), 0 keeps a row of the target, -1 leaves a row of the source out.
https://docs.databricks.com/aws/en/sql/language-manual/delta-merge-into
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reelhouse.delta.change_feed import DELETE as DELETED
from reelhouse.delta.change_feed import PREIMAGE, TYPE
from reelhouse.delta.schema import Field, type_text
from reelhouse.errors import UserError
from reelhouse.spark.statements.statement import MergeClause
from reelhouse.spark.statements.tokens import Cursor, Kind
from reelhouse.spark.write import CHANGE

ROW = "__target_row"
MARK = "__source_row"


@dataclass(frozen=True)
class MergePlan:
    """`columns` are the table's after the merge; `values` what each clause writes, by column in lower case."""

    joined: str
    columns: tuple[Field, ...]
    clauses: tuple[MergeClause, ...]
    values: tuple[Mapping[str, str], ...]
    target_alias: str
    target_columns: frozenset[str]

    def numbers(self, kind: str | None = None, action: str | None = None) -> list[int]:
        """The numbers of the clauses of a kind and action."""
        return [
            number
            for number, clause in enumerate(self.clauses, 1)
            if kind in (None, clause.kind) and action in (None, clause.action)
        ]

    @property
    def action(self) -> str:
        """The expression of `__action`."""
        matched = _first(self.clauses, "MATCHED", 0)
        by_source = _first(self.clauses, "NOT MATCHED BY SOURCE", 0)
        new = _first(self.clauses, "NOT MATCHED", -1)
        return (
            f"CASE WHEN {ROW} IS NOT NULL AND {MARK} IS NOT NULL THEN {matched} "
            f"WHEN {ROW} IS NOT NULL THEN {by_source} ELSE {new} END"
        )

    def actions_query(self, *, distinct: bool = False) -> str:
        """How many joined rows each action has; `distinct`: how many rows of the target."""
        counted = f"DISTINCT {ROW}" if distinct else "*"
        return (
            f"SELECT __action AS action, count({counted}) AS n "
            f"FROM (SELECT {ROW}, {self.action} AS __action FROM {self.joined}) GROUP BY __action"
        )

    def matches_query(self) -> str:
        """For the row of the target with the most: how many source rows match it, and how many want to change it."""
        changing = ", ".join(str(number) for number in self.numbers("MATCHED")) or "NULL"
        return (
            "SELECT coalesce(max(matches), 0) AS matches, coalesce(max(changes), 0) AS changes FROM ("
            f"SELECT {ROW}, count(*) AS matches, sum(CASE WHEN __action IN ({changing}) THEN 1 ELSE 0 END) AS changes "
            f"FROM (SELECT {ROW}, {self.action} AS __action FROM {self.joined}) "
            f"WHERE {ROW} IS NOT NULL GROUP BY {ROW})"
        )

    def rows_query(self, *, only_new: bool, duplicates: bool, mark: bool = False) -> str:
        """The rows to write: those that are new, or all of the table. `duplicates`: a row may be joined twice.

        `mark`: with a column that tells inserted (1) and updated (2) rows from others (0).
        """
        inner = f"SELECT {ROW}, {self.action} AS __action, {', '.join(self._columns())} FROM {self.joined}"
        names = ", ".join(_quote(field["name"]) for field in self.columns)
        if mark:
            inserts, updates = self.numbers(action="INSERT"), self.numbers(action="UPDATE")
            names += (
                f", CASE WHEN __action IN ({_list(inserts)}) THEN 1 WHEN __action IN ({_list(updates)}) THEN 2 "
                f"ELSE 0 END AS {CHANGE}"
            )
        if only_new:
            return f"SELECT {names} FROM ({inner}) WHERE __action IN ({_list(self.numbers('NOT MATCHED'))})"
        gone = [-1, *self.numbers(action="DELETE")]
        if not duplicates:
            return f"SELECT {names} FROM ({inner}) WHERE __action NOT IN ({_list(gone)})"
        return (
            f"SELECT {names} FROM (SELECT *, row_number() OVER (PARTITION BY {ROW} ORDER BY __action DESC) AS __nth "
            f"FROM ({inner})) WHERE ({ROW} IS NULL OR __nth = 1) AND __action NOT IN ({_list(gone)})"
        )

    def before_query(self) -> str:
        """The rows of the table that are updated or deleted, as they were."""
        own = [field["name"] for field in self.columns if field["name"].lower() in self.target_columns]
        old = ", ".join(f"{_quote(self.target_alias)}.{_quote(name)} AS {_quote(name)}" for name in own)
        names = ", ".join(_quote(name) for name in own)
        updates, deletes = self.numbers(action="UPDATE"), self.numbers(action="DELETE")
        type = f"CASE WHEN __action IN ({_list(updates)}) THEN '{PREIMAGE}' ELSE '{DELETED}' END"
        return (
            f"SELECT {names}, {type} AS {TYPE} FROM (SELECT *, "
            f"row_number() OVER (PARTITION BY {ROW} ORDER BY __action DESC) AS __nth "
            f"FROM (SELECT {ROW}, {self.action} AS __action, {old} FROM {self.joined}) "
            f"WHERE {ROW} IS NOT NULL AND __action IN ({_list([*updates, *deletes])})) WHERE __nth = 1"
        )

    def _columns(self) -> list[str]:
        columns = []
        for field in self.columns:
            key, kind = field["name"].lower(), type_text(field["type"])
            old = f"{_quote(self.target_alias)}.{_quote(field['name'])}" if key in self.target_columns else "NULL"
            cases = ""
            for number, (clause, values) in enumerate(zip(self.clauses, self.values, strict=True), 1):
                if key in values:
                    cases += f" WHEN {number} THEN CAST(({values[key]}) AS {kind})"
                elif clause.action == "INSERT":
                    cases += f" WHEN {number} THEN CAST(NULL AS {kind})"
            value = f"CASE {self.action}{cases} ELSE {old} END" if cases else old
            columns.append(f"{value} AS {_quote(field['name'])}")
        return columns


def plan_merge(
    table_text: str,
    alias: str,
    source: str,
    condition: str,
    clauses: Sequence[MergeClause],
    own: Sequence[Field],
    given: Sequence[Field],
    *,
    evolve: bool,
) -> MergePlan:
    """Plan a MERGE into a table with columns `own` from a source with columns `given`."""
    _check_clauses(clauses)
    source_text, source_alias = split_alias(source)
    columns = list(own)
    stars = any(clause.action != "DELETE" and clause.assignments is None for clause in clauses)
    if evolve and stars:
        have = {field["name"].lower() for field in own}
        columns += [{**field, "nullable": True} for field in given if field["name"].lower() not in have]
    values = tuple(_values(clause, columns, own, given, source_alias, evolve) for clause in clauses)
    join = "FULL OUTER" if any(clause.kind == "NOT MATCHED" for clause in clauses) else "LEFT OUTER"
    joined = (
        f"(SELECT *, monotonically_increasing_id() AS {ROW} FROM {table_text}) AS {_quote(alias)} "
        f"{join} JOIN (SELECT *, true AS {MARK} FROM {source_text}) AS {_quote(source_alias)} ON {condition}"
    )
    names = frozenset(field["name"].lower() for field in own)
    return MergePlan(joined, tuple(columns), tuple(clauses), values, alias, names)


def _check_clauses(clauses: Sequence[MergeClause]) -> None:
    """Only the last clause of a kind may have no condition, as the others behind it would never be reached."""
    for kind in ("MATCHED", "NOT MATCHED", "NOT MATCHED BY SOURCE"):
        of_kind = [clause for clause in clauses if clause.kind == kind]
        if any(clause.condition is None for clause in of_kind[:-1]):
            raise UserError(
                f"NON_LAST_{kind.replace(' ', '_')}_CLAUSE_OMIT_CONDITION: of several WHEN {kind} clauses only the "
                "last may have no condition"
            )


def _values(
    clause: MergeClause,
    columns: Sequence[Field],
    own: Sequence[Field],
    given: Sequence[Field],
    source_alias: str,
    evolve: bool,
) -> Mapping[str, str]:
    if clause.action == "DELETE":
        return {}
    by_name = {field["name"].lower(): field["name"] for field in given}
    if clause.assignments is None:
        missing = [field["name"] for field in own if field["name"].lower() not in by_name]
        if missing and not evolve:
            raise UserError(
                f"DELTA_MERGE_UNRESOLVED_EXPRESSION: {clause.action} * needs column '{missing[0]}', "
                "which the source lacks",
                remedy=f"The source has {', '.join(by_name.values())}.",
            )
        return {
            field["name"].lower(): f"{_quote(source_alias)}.{_quote(by_name[field['name'].lower()])}"
            for field in columns
            if field["name"].lower() in by_name
        }
    known = {field["name"].lower() for field in own}
    found: dict[str, str] = {}
    for name, text in clause.assignments:
        if name.lower() not in known:
            raise UserError(f"DELTA_MERGE_UNRESOLVED_EXPRESSION: the target has no column '{name}'")
        if name.lower() in found:
            raise UserError(f"DELTA_CONFLICT_SET_COLUMN: column '{name}' is set twice in one clause")
        found[name.lower()] = text
    return found


def split_alias(source: str) -> tuple[str, str]:
    """What stands behind USING, and the name its columns may be qualified with.

    >>> split_alias("(SELECT 1 AS id) AS s")
    ('(SELECT 1 AS id) AS s', 's')
    """
    cursor = Cursor(source)
    name = "__source"
    if cursor.token.text == "(":
        cursor.bracketed()
    else:
        name = cursor.name()[-1]
        for travel in ("VERSION", "TIMESTAMP"):
            if cursor.accept(travel, "AS", "OF"):
                cursor.next()
    has_alias = cursor.accept("AS") or cursor.token.kind in (Kind.WORD, Kind.QUOTED)
    if has_alias:
        return source, cursor.identifier()
    return (f"{source} AS {_quote(name)}" if name == "__source" else source), name


def source_name(source: str) -> tuple[tuple[str, ...], str | None]:
    """The name and the alias of what stands behind USING; no name for a subquery."""
    cursor = Cursor(source)
    if cursor.token.text == "(":
        return (), None
    name = cursor.name()
    text, alias = split_alias(source)
    given = alias.lower() != name[-1].lower() or text.strip().lower().endswith(f" {alias.lower()}")
    return name, alias if given else None


def _first(clauses: Sequence[MergeClause], kind: str, otherwise: int) -> str:
    whens = "".join(
        f" WHEN {'(' + clause.condition + ')' if clause.condition else 'true'} THEN {number}"
        for number, clause in enumerate(clauses, 1)
        if clause.kind == kind
    )
    return f"CASE{whens} ELSE {otherwise} END" if whens else str(otherwise)


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers) or "NULL"


def _quote(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
