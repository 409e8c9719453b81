"""Names → locations: catalogs, schemas, tables and views, kept across sessions and processes.

https://docs.databricks.com/aws/en/data-governance/unity-catalog/
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Row
from typing import Any

from reelhouse import failpoints
from reelhouse.catalog.entry import KeyConstraint, SchemaEntry, TableEntry, TableType
from reelhouse.catalog.names import SchemaName, TableName, complete, complete_schema, split_name
from reelhouse.catalog.store import Store
from reelhouse.errors import UserError, did_you_mean
from reelhouse.storage.lake import Lake

_UNDER_ROOT = "lake:"
_PRIVATE = "private_tables"


class Catalog:
    """All catalogs of one project, in the SQLite file `path`.

    The catalog `default_catalog` with a schema `default` is always there. A name may be a `TableName`, the text of one
    to three parts, or the parts; unqualified parts are of `current`, or else of the default catalog and schema.
    """

    def __init__(
        self, path: Path, lake: Lake, default_catalog: str = "netflix", default_schema: str = "default"
    ) -> None:
        self.lake = lake
        self.default = SchemaName(default_catalog.lower(), default_schema.lower())
        self._store = Store(path)
        self._is_ready = False

    def close(self) -> None:
        """Give the file back."""
        self._store.close()

    # catalogs

    def create_catalog(self, name: str, *, if_not_exists: bool = False, comment: str | None = None) -> None:
        """Make a catalog, with its schema `default`."""
        self._ready()
        with self._store.transaction() as tx:
            if tx.execute("SELECT 1 FROM catalogs WHERE name = ?", (name.lower(),)).fetchone():
                if if_not_exists:
                    return
                raise UserError(f"CATALOG_ALREADY_EXISTS: there is a catalog '{name}' already")
            tx.execute("INSERT INTO catalogs VALUES (?, ?)", (name.lower(), comment))
            tx.execute("INSERT INTO schemas (catalog, name) VALUES (?, 'default')", (name.lower(),))

    def drop_catalog(self, name: str, *, if_exists: bool = False, cascade: bool = False) -> None:
        """Remove a catalog and, with `cascade`, all it holds."""
        if name.lower() not in self.catalogs():
            if if_exists:
                return
            raise self._no_catalog(name)
        schemas = self.schemas(name)
        if not cascade and any(s.schema != "default" or self.tables(s) for s in schemas):
            raise UserError(f"CATALOG_NOT_EMPTY: catalog '{name}' holds schemas", remedy="Use CASCADE.")
        for schema in schemas:
            self.drop_schema(schema, cascade=True)
        with self._store.transaction() as tx:
            tx.execute("DELETE FROM catalogs WHERE name = ?", (name.lower(),))

    def catalogs(self) -> list[str]:
        """The names of all catalogs, in order."""
        self._ready()
        return [row["name"] for row in self._store.rows("SELECT name FROM catalogs ORDER BY name")]

    # schemas

    def create_schema(
        self,
        name: str | SchemaName | Sequence[str],
        location: str | None = None,
        *,
        if_not_exists: bool = False,
        comment: str | None = None,
        properties: Mapping[str, str] | None = None,
        current: SchemaName | None = None,
    ) -> None:
        """Make a schema; `location` (an address) is where its managed tables shall lie."""
        schema = self._schema_name(name, current)
        if schema.catalog not in self.catalogs():
            raise self._no_catalog(schema.catalog)
        with self._store.transaction() as tx:
            key = (schema.catalog, schema.schema)
            if tx.execute("SELECT 1 FROM schemas WHERE catalog = ? AND name = ?", key).fetchone():
                if if_not_exists:
                    return
                raise UserError(f"SCHEMA_ALREADY_EXISTS: there is a schema '{schema}' already")
            stored = self._stored(self.lake.local(location)) if location else None
            tx.execute(
                "INSERT INTO schemas VALUES (?, ?, ?, ?, ?)",
                (*key, stored, comment, json.dumps(dict(properties or {}))),
            )

    def schema(self, name: str | SchemaName | Sequence[str], current: SchemaName | None = None) -> SchemaEntry:
        """What is known of a schema. Raises `UserError` (SCHEMA_NOT_FOUND) naming the nearest."""
        schema = self._schema_name(name, current)
        self._ready()
        rows = self._store.rows("SELECT * FROM schemas WHERE catalog = ? AND name = ?", (schema.catalog, schema.schema))
        if not rows:
            if schema.catalog not in self.catalogs():
                raise self._no_catalog(schema.catalog)
            known = [str(s) for s in self.schemas(schema.catalog)]
            raise UserError(f"SCHEMA_NOT_FOUND: there is no schema '{schema}'", remedy=did_you_mean(str(schema), known))
        row = rows[0]
        location = self._local(row["location"]) or os.path.join(
            self.lake.root, "_catalog", schema.catalog, schema.schema
        )
        return SchemaEntry(schema, location, row["comment"], json.loads(row["properties"]))

    def schemas(self, catalog: str | None = None) -> list[SchemaName]:
        """The schemas of a catalog (the default one unless named), in order."""
        self._ready()
        rows = self._store.rows(
            "SELECT catalog, name FROM schemas WHERE catalog = ? ORDER BY name",
            ((catalog or self.default.catalog).lower(),),
        )
        return [SchemaName(row["catalog"], row["name"]) for row in rows]

    def alter_schema(self, name: str | SchemaName, *, comment: str | None, current: SchemaName | None = None) -> None:
        """Change a schema's comment."""
        schema = self.schema(name, current).name
        with self._store.transaction() as tx:
            tx.execute(
                "UPDATE schemas SET comment = ? WHERE catalog = ? AND name = ?",
                (comment, schema.catalog, schema.schema),
            )

    def drop_schema(
        self,
        name: str | SchemaName | Sequence[str],
        *,
        if_exists: bool = False,
        cascade: bool = False,
        current: SchemaName | None = None,
    ) -> None:
        """Remove a schema and, with `cascade`, its tables."""
        try:
            schema = self.schema(name, current).name
        except UserError:
            if if_exists:
                return
            raise
        tables = self.tables(schema)
        if tables and not cascade:
            raise UserError(
                f"SCHEMA_NOT_EMPTY: schema '{schema}' holds {', '.join(t.name.table for t in tables)}",
                remedy="Use CASCADE to drop them with it.",
            )
        for table in tables:
            self.drop_table(table.name)
        with self._store.transaction() as tx:
            tx.execute("DELETE FROM schemas WHERE catalog = ? AND name = ?", (schema.catalog, schema.schema))

    # tables and views

    def resolve_name(self, name: str | TableName | Sequence[str], current: SchemaName | None = None) -> TableName:
        """The full name that `name` means. Nothing has to exist."""
        if isinstance(name, TableName):
            return name
        return complete(split_name(name) if isinstance(name, str) else name, current or self.default)

    def find(self, name: str | TableName | Sequence[str], current: SchemaName | None = None) -> TableEntry | None:
        """A table or view, None when there is none of that name."""
        full = self.resolve_name(name, current)
        self._ready()
        rows = self._store.rows(
            "SELECT * FROM tables WHERE catalog = ? AND schema = ? AND name = ?",
            (full.catalog, full.schema, full.table),
        )
        return self._entry(rows[0]) if rows else None

    def table(self, name: str | TableName | Sequence[str], current: SchemaName | None = None) -> TableEntry:
        """A table or view. Raises `UserError` (TABLE_OR_VIEW_NOT_FOUND) naming the nearest."""
        found = self.find(name, current)
        if found:
            return found
        full = self.resolve_name(name, current)
        if owner := self.private_to(full):
            raise UserError(
                f"TABLE_OR_VIEW_NOT_FOUND: '{full}' is private to pipeline '{owner}', which alone can read it",
                remedy="Define it there without private=True, or read a table that is made from it.",
            )
        same = [str(entry.name) for entry in self.tables(full.parent)]
        every = [str(entry.name) for entry in self.tables()]
        remedy = did_you_mean(str(full), every)
        if same and not remedy.startswith("Did"):
            remedy = did_you_mean(str(full), same)
        raise UserError(f"TABLE_OR_VIEW_NOT_FOUND: there is no table or view '{full}'", remedy=remedy)

    def note_private(self, pipeline: str, names: Iterable[str]) -> None:
        """Note the names of tables that only a pipeline reads, instead of those noted of it before.

        They have no entry; what is known of them is told to who asks for one.
        """
        self._ready()
        wanted = {str(self.resolve_name(name)) for name in names}
        known = {name for name, owner in self._private().items() if owner == pipeline}
        if wanted == known:
            return
        with self._store.transaction() as tx:
            tx.execute(f"CREATE TABLE IF NOT EXISTS {_PRIVATE} (name TEXT PRIMARY KEY, pipeline TEXT NOT NULL)")
            tx.execute(f"DELETE FROM {_PRIVATE} WHERE pipeline = ?", (pipeline,))
            for name in sorted(wanted):
                tx.execute(f"INSERT OR REPLACE INTO {_PRIVATE} VALUES (?, ?)", (name, pipeline))

    def private_to(self, name: str | TableName | Sequence[str]) -> str | None:
        """The pipeline whose private table has that name, None when there is none."""
        return self._private().get(str(self.resolve_name(name)))

    def _private(self) -> dict[str, str]:
        self._ready()
        if not self._store.rows("SELECT 1 FROM sqlite_master WHERE name = ?", (_PRIVATE,)):
            return {}
        return {row["name"]: row["pipeline"] for row in self._store.rows(f"SELECT * FROM {_PRIVATE}")}

    def tables(self, schema: str | SchemaName | None = None, current: SchemaName | None = None) -> list[TableEntry]:
        """The tables and views of a schema, or of all, in order of their names."""
        self._ready()
        if schema is None:
            rows = self._store.rows("SELECT * FROM tables ORDER BY catalog, schema, name")
        else:
            name = self._schema_name(schema, current)
            rows = self._store.rows(
                "SELECT * FROM tables WHERE catalog = ? AND schema = ? ORDER BY name", (name.catalog, name.schema)
            )
        return [self._entry(row) for row in rows]

    def at_location(self, location: str) -> TableEntry | None:
        """The table whose files lie in the local folder `location`."""
        self._ready()
        stored = self._stored(os.path.abspath(location))
        rows = self._store.rows("SELECT * FROM tables WHERE location = ? AND location <> ''", (stored,))
        return self._entry(rows[0]) if rows else None

    def managed_location(self, name: TableName) -> str:
        """Where a managed table of that name has to lie: in its schema's location."""
        return os.path.join(self.schema(name.parent).location, name.table)

    def create_table(self, entry: TableEntry, *, if_not_exists: bool = False, replace: bool = False) -> TableEntry:
        """Enter a table or view, and return it as it stands. An empty `location` of a table becomes the managed one.

        Only the entry is made; the table itself comes into being with its first commit.
        """
        schema = self.schema(entry.name.parent)
        if not entry.location and not entry.is_view:
            entry = _with(entry, location=os.path.join(schema.location, entry.name.table))
        if entry.created_at is None:
            entry = _with(entry, created_at=datetime.now(UTC))
        with self._store.transaction() as tx:
            key = (entry.name.catalog, entry.name.schema, entry.name.table)
            row = tx.execute("SELECT * FROM tables WHERE catalog = ? AND schema = ? AND name = ?", key).fetchone()
            if row and if_not_exists:
                return self._entry(row)
            if row and not replace:
                raise UserError(f"TABLE_OR_VIEW_ALREADY_EXISTS: there is a table or view '{entry.name}' already")
            tx.execute("INSERT OR REPLACE INTO tables VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._row(entry))
        return entry

    def update_table(self, entry: TableEntry) -> None:
        """Change what is known of a table or view that exists."""
        self.table(entry.name)
        self.create_table(entry, replace=True)

    def drop_table(
        self, name: str | TableName | Sequence[str], *, if_exists: bool = False, current: SchemaName | None = None
    ) -> None:
        """Remove a table or view. The files of a managed table go with it, those of an external one stay.

        The folder is renamed first: whatever moment the process dies at, no new table of that name finds old rows.
        """
        entry = self.find(name, current)
        if entry is None:
            if if_exists:
                return
            self.table(name, current)
            return
        hidden = self._set_aside(entry)
        failpoints.reach("catalog.table_set_aside")
        with self._store.transaction() as tx:
            tx.execute(
                "DELETE FROM tables WHERE catalog = ? AND schema = ? AND name = ?",
                (entry.name.catalog, entry.name.schema, entry.name.table),
            )
        if hidden:
            shutil.rmtree(hidden, ignore_errors=True)

    def _set_aside(self, entry: TableEntry) -> str | None:
        if entry.type in (TableType.EXTERNAL, TableType.VIEW) or not os.path.isdir(entry.location):
            return None
        parent, folder = os.path.split(entry.location)
        for left in Path(parent).glob(f".dropped-{folder}-*"):
            shutil.rmtree(left, ignore_errors=True)
        hidden = os.path.join(parent, f".dropped-{folder}-{uuid.uuid4().hex}")
        os.rename(entry.location, hidden)
        return hidden

    # how things are stored

    def _ready(self) -> None:
        """Make the default catalog and schema, once per process."""
        if self._is_ready:
            return
        with self._store.transaction() as tx:
            tx.execute("INSERT OR IGNORE INTO catalogs VALUES (?, NULL)", (self.default.catalog,))
            for schema in {"default", self.default.schema}:
                tx.execute(
                    "INSERT OR IGNORE INTO schemas (catalog, name) VALUES (?, ?)", (self.default.catalog, schema)
                )
        self._is_ready = True

    def _schema_name(self, name: str | SchemaName | Sequence[str], current: SchemaName | None) -> SchemaName:
        if isinstance(name, SchemaName):
            return name
        parts = split_name(name) if isinstance(name, str) else name
        return complete_schema(parts, (current or self.default).catalog)

    def _no_catalog(self, name: str) -> UserError:
        return UserError(f"CATALOG_NOT_FOUND: there is no catalog '{name}'", remedy=did_you_mean(name, self.catalogs()))

    def _stored(self, local: str) -> str:
        """A location as the file keeps it: relative to the lake where it lies in it, so that a project can be moved."""
        path = Path(local)
        if path.is_relative_to(self.lake.root):
            return _UNDER_ROOT + path.relative_to(self.lake.root).as_posix()
        return local

    def _local(self, stored: str | None) -> str:
        if stored and stored.startswith(_UNDER_ROOT):
            return os.path.join(self.lake.root, *stored.removeprefix(_UNDER_ROOT).split("/"))
        return stored or ""

    def _row(self, entry: TableEntry) -> tuple[object, ...]:
        details = {
            "column_comments": dict(entry.column_comments),
            "properties": dict(entry.properties),
            "constraints": [_constraint_json(constraint) for constraint in entry.constraints],
            "view_text": entry.view_text,
            "view_schema": [entry.view_schema.catalog, entry.view_schema.schema] if entry.view_schema else None,
        }
        return (
            entry.name.catalog,
            entry.name.schema,
            entry.name.table,
            str(entry.type),
            self._stored(self.lake.local(entry.location)) if entry.location else "",
            entry.comment,
            json.dumps(details),
            (entry.created_at or datetime.now(UTC)).isoformat(),
        )

    def _entry(self, row: Row) -> TableEntry:
        details = json.loads(row["details"])
        return TableEntry(
            name=TableName(row["catalog"], row["schema"], row["name"]),
            location=self._local(row["location"]),
            type=TableType(row["type"]),
            comment=row["comment"],
            column_comments=details["column_comments"],
            properties=details["properties"],
            constraints=tuple(_constraints(details["constraints"])),
            view_text=details["view_text"],
            view_schema=SchemaName(*details["view_schema"]) if details["view_schema"] else None,
            created_at=datetime.fromisoformat(row["created_at"]),
        )


def _with(entry: TableEntry, **changes: Any) -> TableEntry:
    return replace(entry, **changes)


def _constraint_json(constraint: KeyConstraint) -> dict[str, Any]:
    to = constraint.references
    return {
        "name": constraint.name,
        "kind": constraint.kind,
        "columns": list(constraint.columns),
        "references": [to.catalog, to.schema, to.table] if to else None,
        "reference_columns": list(constraint.reference_columns),
    }


def _constraints(stored: Iterable[Mapping[str, Any]]) -> Iterable[KeyConstraint]:
    for item in stored:
        to = item["references"]
        yield KeyConstraint(
            item["name"],
            item["kind"],
            tuple(item["columns"]),
            TableName(*to) if to else None,
            tuple(item["reference_columns"]),
        )
