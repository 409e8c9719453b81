"""The tables of a pipeline before its flows run: where they lie, that they exist, what the catalog knows of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from reelhouse.catalog.catalog import Catalog
from reelhouse.catalog.entry import KeyConstraint, TableEntry, TableType
from reelhouse.catalog.names import SchemaName, TableName
from reelhouse.delta.write import Target
from reelhouse.errors import UserError
from reelhouse.failpoints import reach
from reelhouse.pipelines.definitions import DatasetKind
from reelhouse.pipelines.description import definition_of
from reelhouse.pipelines.graph import Namespace
from reelhouse.pipelines.planned import PlannedDataset
from reelhouse.pipelines.state import PipelineState
from reelhouse.storage.lake import Lake

_RESET_ALLOWED = "pipelines.reset.allowed"
_TYPES = {
    DatasetKind.STREAMING_TABLE: TableType.STREAMING_TABLE,
    DatasetKind.MATERIALIZED_VIEW: TableType.MATERIALIZED_VIEW,
}


class Tables:
    """Makes and empties the tables of one pipeline."""

    def __init__(self, catalog: Catalog, lake: Lake, state: PipelineState, namespace: Namespace) -> None:
        self._catalog = catalog
        self._lake = lake
        self._state = state
        self._namespace = namespace

    def locate(self, datasets: Iterable[PlannedDataset]) -> None:
        """Find where each table lies, or will. Raises `UserError` for a name that is taken by another table."""
        for dataset in datasets:
            if dataset.kind is DatasetKind.SINK:
                dataset.location = self._sink(dataset)
            elif dataset.kind is not DatasetKind.TEMPORARY_VIEW:
                dataset.location = self._location(dataset)

    def _sink(self, dataset: PlannedDataset) -> str:
        options = dataset.dataset.options
        if "path" in options:
            return self._lake.local(options["path"])
        name = TableName(*self._namespace.qualify(options["tableName"]).split("."))
        entry = self._catalog.find(name)
        if entry is None:
            entry = self._catalog.create_table(TableEntry(name, ""))
        dataset.name = str(name)
        return entry.location

    def _location(self, dataset: PlannedDataset) -> str:
        if dataset.dataset.path:
            return self._lake.local(dataset.dataset.path)
        if dataset.dataset.private:
            return self._state.hidden_table("private", dataset.key)
        name = _table_name(dataset)
        entry = self._catalog.find(name)
        if entry is None:
            if name.parent not in self._catalog.schemas(name.catalog):
                return ""
            return self._catalog.managed_location(name)
        if entry.type not in _TYPES.values():
            raise UserError(
                f"'{dataset.name}' exists already and is no table of a pipeline",
                where=dataset.dataset.place,
                remedy="Drop it, or give the dataset another name.",
            )
        return entry.location

    def set_up(self, dataset: PlannedDataset) -> None:
        """Make a table and its entry in the catalog where they are missing, and bring what they say up to date."""
        if not dataset.location:
            name = _table_name(dataset)
            self._catalog.create_schema(SchemaName(name.catalog, name.schema), if_not_exists=True)
            dataset.location = self._location(dataset)
        if not dataset.dataset.private:
            self._register(dataset)
            reach("pipelines.registered")
        definition = {"definition": definition_of(dataset), "location": dataset.location}
        if self._exists(dataset):
            if self._state.read("definitions", dataset.key) != definition:
                self._describe(dataset)
        elif not self._create(dataset):
            return
        reach("pipelines.set_up")
        self._state.write("definitions", dataset.key, definition)

    def _register(self, dataset: PlannedDataset) -> None:
        declared = dataset.declared
        name = _table_name(dataset)
        entry = TableEntry(
            name,
            dataset.location,
            _TYPES[dataset.kind],
            dataset.dataset.comment,
            declared.comments,
            dict(dataset.dataset.properties),
            self._constraints(dataset),
        )
        present = self._catalog.find(name)
        if present is not None and present.type is not entry.type:
            raise UserError(
                f"'{dataset.name}' is a {present.type.value.lower().replace('_', ' ')} and is defined as a "
                f"{entry.type.value.lower().replace('_', ' ')} now",
                where=dataset.dataset.place,
                remedy="Drop the table first.",
            )
        if present is None:
            self._catalog.create_table(entry)
        elif _said(present) != _said(entry):
            self._catalog.update_table(entry)

    def _constraints(self, dataset: PlannedDataset) -> tuple[KeyConstraint, ...]:
        declared = dataset.declared
        keys = []
        short = dataset.name.split(".")[-1]
        if declared.primary_key:
            keys.append(KeyConstraint(f"{short}_pk", "PRIMARY KEY", declared.primary_key))
        for index, key in enumerate(declared.foreign_keys, 1):
            table = TableName(*self._namespace.qualify(key.table).split("."))
            name = key.name or f"{short}_fk_{index}"
            keys.append(KeyConstraint(name, "FOREIGN KEY", key.columns, table, key.references))
        return tuple(keys)

    def _exists(self, dataset: PlannedDataset) -> bool:
        from reelhouse.delta import log

        return log.current_version(dataset.location) is not None

    def _create(self, dataset: PlannedDataset, *, replace: bool = False) -> bool:
        """Make the empty table, where its columns are known and it is not made by its first refresh anyhow."""
        from reelhouse.delta.alter import create_table

        required = [c.name for c in dataset.declared.columns if not c.nullable]
        if dataset.schema is None or (dataset.kind is DatasetKind.MATERIALIZED_VIEW and not required):
            return False
        create_table(
            self._target(dataset),
            json.dumps({"type": "struct", "fields": dataset.schema}),
            partition_by=dataset.dataset.partition_by,
            properties=dataset.dataset.properties,
            comment=dataset.dataset.comment,
            column_comments=dataset.declared.comments,
            not_null=required,
            replace_existing=replace,
        )
        return True

    def _describe(self, dataset: PlannedDataset) -> None:
        from reelhouse.delta.alter import add_columns, apply_definition
        from reelhouse.delta.schema import fields_of
        from reelhouse.delta.snapshot import open_snapshot

        snapshot = open_snapshot(dataset.location)
        if snapshot is None or (dataset.kind is DatasetKind.MATERIALIZED_VIEW):
            return
        present = {f["name"].lower() for f in fields_of(snapshot.schema)}
        new = [f for f in dataset.schema or () if f["name"].lower() not in present]
        if new and dataset.declared.columns:
            add_columns(self._target(dataset), json.dumps({"type": "struct", "fields": new}))
            present |= {f["name"].lower() for f in new}
        apply_definition(
            self._target(dataset),
            properties=dataset.dataset.properties,
            comment=dataset.dataset.comment,
            column_comments={n: c for n, c in dataset.declared.comments.items() if n.lower() in present},
        )

    def reset(self, dataset: PlannedDataset) -> bool:
        """Empty a table for a full refresh; False when its properties do not allow it.

        The next generation is noted first, so that a crash in between is made good by `finish_resets`.
        """
        if str(dataset.dataset.properties.get(_RESET_ALLOWED, "true")).lower() == "false":
            return False
        self._state.forget("tables", dataset.key)
        if dataset.kind is DatasetKind.STREAMING_TABLE:
            generation = int(self._state.read("generations", dataset.key).get("generation", 0)) + 1
            self._state.write("generations", dataset.key, {"generation": generation, "resetting": True})
            reach("pipelines.before_reset")
            self.finish_reset(dataset)
        return True

    def finish_reset(self, dataset: PlannedDataset) -> None:
        """Empty a table whose reset was noted and not finished."""
        known = self._state.read("generations", dataset.key)
        if not known.get("resetting"):
            return
        generation = int(known["generation"])
        if self._exists(dataset) and not self._create(dataset, replace=True):
            shutil.rmtree(dataset.location, ignore_errors=True)
        for kind in ("changes", "snapshots", "tables"):
            self._state.forget(kind, dataset.key)
        for former in range(generation):
            shutil.rmtree(self._state.hidden_table("changes", f"{dataset.key}.{former}"), ignore_errors=True)
            for folder in Path(self._state.checkpoint(dataset.key, "x", former)).parents[1].glob(f"*/{former}"):
                shutil.rmtree(folder, ignore_errors=True)
        self._state.write("generations", dataset.key, {"generation": generation, "resetting": False})

    def _target(self, dataset: PlannedDataset) -> Target:
        return Target(dataset.location, None if dataset.dataset.private else dataset.name)


def _table_name(dataset: PlannedDataset) -> TableName:
    return TableName(*dataset.key.split("."))


def _said(entry: TableEntry) -> tuple[object, ...]:
    return (
        entry.location,
        entry.type,
        entry.comment,
        dict(entry.column_comments),
        dict(entry.properties),
        entry.constraints,
    )
