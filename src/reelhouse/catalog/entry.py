"""What the catalog knows of schemas, tables and views, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reelhouse.catalog.names import SchemaName, TableName


class TableType(StrEnum):
    """As `information_schema.tables` names them."""

    MANAGED = "MANAGED"
    EXTERNAL = "EXTERNAL"
    VIEW = "VIEW"
    STREAMING_TABLE = "STREAMING_TABLE"
    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"


@dataclass(frozen=True)
class KeyConstraint:
    """A primary or foreign key. Informational, as on Databricks: nothing enforces it."""

    name: str
    kind: str
    """`PRIMARY KEY` or `FOREIGN KEY`."""
    columns: tuple[str, ...]
    references: TableName | None = None
    reference_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class SchemaEntry:
    """A schema. `location` is the local folder under which its managed tables lie."""

    name: SchemaName
    location: str
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableEntry:
    """A table or view. Comments of columns and properties of a Delta table stand in its own log, not here.

    `location` is a local folder, empty for a view. A view has its SQL text in `view_text`, and `view_schema` says in
    which schema unqualified names of that text are meant.
    """

    name: TableName
    location: str
    type: TableType = TableType.MANAGED
    comment: str | None = None
    column_comments: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[KeyConstraint, ...] = ()
    view_text: str | None = None
    view_schema: SchemaName | None = None
    created_at: datetime | None = None

    @property
    def is_view(self) -> bool:
        return self.type is TableType.VIEW
