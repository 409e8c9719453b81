"""Statements as plain data: what the text asks for, nothing looked up yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Name = tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """Base of all."""


@dataclass(frozen=True)
class ColumnDefinition:
    """A column as CREATE TABLE or ADD COLUMN declares it; `type` in the form of a schema's JSON."""

    name: str
    type: Any
    not_null: bool = False
    comment: str | None = None

    def as_field(self) -> dict[str, Any]:
        metadata = {"comment": self.comment} if self.comment is not None else {}
        return {"name": self.name, "type": self.type, "nullable": not self.not_null, "metadata": metadata}


@dataclass(frozen=True)
class ConstraintDefinition:
    """`kind` is CHECK, PRIMARY KEY or FOREIGN KEY."""

    name: str | None
    kind: str
    condition: str = ""
    columns: tuple[str, ...] = ()
    references: Name = ()
    reference_columns: tuple[str, ...] = ()


# catalogs and schemas


@dataclass(frozen=True)
class CreateCatalog(Statement):
    name: str
    if_not_exists: bool = False
    comment: str | None = None


@dataclass(frozen=True)
class DropCatalog(Statement):
    name: str
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True)
class CreateSchema(Statement):
    name: Name
    if_not_exists: bool = False
    comment: str | None = None
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DropSchema(Statement):
    name: Name
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True)
class UseCatalog(Statement):
    name: str


@dataclass(frozen=True)
class UseSchema(Statement):
    name: Name


# tables and views


@dataclass(frozen=True)
class CreateTable(Statement):
    name: Name
    columns: tuple[ColumnDefinition, ...] = ()
    constraints: tuple[ConstraintDefinition, ...] = ()
    location: str | None = None
    partition_by: tuple[str, ...] = ()
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    if_not_exists: bool = False
    or_replace: bool = False
    query: str | None = None


@dataclass(frozen=True)
class CreateView(Statement):
    name: Name
    query: str
    columns: tuple[tuple[str, str | None], ...] = ()
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    temporary: bool = False
    is_global: bool = False
    if_not_exists: bool = False
    or_replace: bool = False


@dataclass(frozen=True)
class DropTable(Statement):
    name: Name
    if_exists: bool = False
    view: bool = False


@dataclass(frozen=True)
class SetProperties(Statement):
    table: Name
    properties: Mapping[str, str]


@dataclass(frozen=True)
class UnsetProperties(Statement):
    table: Name
    keys: tuple[str, ...]
    if_exists: bool = False


@dataclass(frozen=True)
class AddColumns(Statement):
    table: Name
    columns: tuple[ColumnDefinition, ...]


@dataclass(frozen=True)
class AddConstraint(Statement):
    table: Name
    constraint: ConstraintDefinition


@dataclass(frozen=True)
class DropConstraint(Statement):
    table: Name
    name: str
    if_exists: bool = False
    kind: str = "CONSTRAINT"


@dataclass(frozen=True)
class AlterColumn(Statement):
    """`action` is COMMENT, SET NOT NULL or DROP NOT NULL."""

    table: Name
    column: str
    action: str
    comment: str | None = None


@dataclass(frozen=True)
class CommentOn(Statement):
    """`kind` is CATALOG, SCHEMA, TABLE or COLUMN (the last part of the name is the column then)."""

    kind: str
    name: Name
    comment: str | None


# looking


@dataclass(frozen=True)
class Show(Statement):
    """`what` is CATALOGS, SCHEMAS, TABLES, VIEWS, COLUMNS, TBLPROPERTIES, CREATE TABLE or PARTITIONS."""

    what: str
    name: Name = ()
    pattern: str | None = None


@dataclass(frozen=True)
class Describe(Statement):
    """`what` is TABLE, SCHEMA, CATALOG, HISTORY or DETAIL."""

    what: str
    name: Name
    extended: bool = False
    limit: int | None = None


# maintenance


@dataclass(frozen=True)
class Optimize(Statement):
    table: Name
    zorder_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vacuum(Statement):
    table: Name
    retain_hours: float | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Analyze(Statement):
    table: Name


@dataclass(frozen=True)
class Restore(Statement):
    table: Name
    version: int | None = None
    timestamp: str | None = None


# rows


@dataclass(frozen=True)
class Insert(Statement):
    table: Name
    query: str
    columns: tuple[str, ...] = ()
    by_name: bool = False
    overwrite: bool = False
    replace_where: str | None = None


@dataclass(frozen=True)
class Update(Statement):
    table: Name
    alias: str | None
    assignments: tuple[tuple[str, str], ...]
    where: str | None


@dataclass(frozen=True)
class Delete(Statement):
    table: Name
    alias: str | None
    where: str | None


@dataclass(frozen=True)
class MergeClause:
    """One WHEN clause. `kind` is MATCHED, NOT MATCHED or NOT MATCHED BY SOURCE; `action` UPDATE, DELETE or INSERT.

    `assignments` is None for `UPDATE SET *` and `INSERT *`.
    """

    kind: str
    condition: str | None
    action: str
    assignments: tuple[tuple[str, str], ...] | None = ()


@dataclass(frozen=True)
class Merge(Statement):
    """`source` is what stands behind USING, alias included; `source_alias` None for an unnamed table."""

    table: Name
    alias: str | None
    source: str
    condition: str
    clauses: tuple[MergeClause, ...]
    schema_evolution: bool = False


# session


@dataclass(frozen=True)
class SetConf(Statement):
    key: str | None
    value: str | None


@dataclass(frozen=True)
class ResetConf(Statement):
    key: str | None


@dataclass(frozen=True)
class Refresh(Statement):
    """REFRESH TABLE: nothing is cached here, so it only checks the name."""

    table: Name
