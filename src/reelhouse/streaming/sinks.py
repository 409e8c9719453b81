"""Where batches go: Delta tables, a function of the user, a temporary view, the console, nowhere.

Only a Delta table takes each batch exactly once by itself. A `foreachBatch` function sees a batch again after a crash,
as on Databricks, and can use `txnAppId` and `txnVersion`.
https://docs.databricks.com/aws/en/structured-streaming/foreach
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace

from reelhouse.catalog.entry import TableEntry
from reelhouse.delta import log
from reelhouse.delta.write import Commit, Target, Transaction, WriteSpec
from reelhouse.errors import Unsupported, UserError
from reelhouse.failpoints import reach
from reelhouse.streaming import files
from reelhouse.streaming.port import Session
from reelhouse.streaming.source import Batch, Relation


class _PlanSink:
    """A sink that runs the query's plan, with a batch in the place of each stream."""

    def __init__(self, session: Session, relation: Relation) -> None:
        self._session = session
        self._relation = relation

    def _plan(self, batches: Sequence[Batch]) -> Relation:
        from reelhouse.streaming.specs import with_batches

        return with_batches(self._relation, [batch.relation() for batch in batches])

    def idle(self, nothing: Sequence[Batch]) -> None:
        """Nothing is new."""


class DeltaSink(_PlanSink):
    """Appends each batch to a table as one commit that carries the query's id and the batch's number."""

    exactly_once = True

    def __init__(self, session: Session, relation: Relation, target: Target, spec: WriteSpec) -> None:
        super().__init__(session, relation)
        self._target = target
        self._spec = spec
        self.description = f"DeltaSink[{target.name or target.location}]"

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        relation = self._plan(batches)
        arrived = sum(batch.files for batch in batches if not batch.of_table)
        spec = replace(self._spec, transaction=Transaction(query_id, batch_id), files_read=arrived or None)
        reach("streaming.before_sink")
        return self._session.write(relation, self._target, spec)


class TableSink(DeltaSink):
    """A table by name. Its entry in the catalog is made with the first batch, or with the first run that has none."""

    def __init__(self, session: Session, relation: Relation, entry: TableEntry, spec: WriteSpec) -> None:
        super().__init__(session, relation, Target(entry.location, str(entry.name)), spec)
        self._entry = entry

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        self._session.catalog.create_table(self._entry, if_not_exists=True)
        return super().add(query_id, batch_id, batches)

    def idle(self, nothing: Sequence[Batch]) -> None:
        if log.current_version(self._target.location) is None:
            self._session.catalog.create_table(self._entry, if_not_exists=True)
            self._session.write(self._plan(nothing), self._target, replace(self._spec, operation="CREATE TABLE"))


class ForeachBatchSink(_PlanSink):
    """Hands each batch to a function as a DataFrame."""

    description = "ForeachBatchSink"
    exactly_once = False

    def __init__(self, session: Session, relation: Relation, command: bytes, python_version: str) -> None:
        super().__init__(session, relation)
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        if python_version and python_version != here:
            raise UserError(f"The foreachBatch function was made by Python {python_version}, and this is Python {here}")
        self._function = pickle.loads(command)

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        from reelhouse.streaming.frames import data_frame

        frame = data_frame(self._session, self._plan(batches))
        reach("streaming.before_sink")
        self._function(frame, batch_id)
        return None


class MemorySink(_PlanSink):
    """Keeps all rows in files of this process and shows them as a temporary view of the query's name."""

    exactly_once = True

    def __init__(self, session: Session, relation: Relation, name: str) -> None:
        super().__init__(session, relation)
        self._name = name
        self._folder = files.temporary_folder("memory")
        self._batches: list[str] = []
        self._schema: str | None = None
        self.description = f"MemorySink[{name}]"

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        from reelhouse.plans import plan

        relation = self._session.resolve(self._plan(batches))
        if self._schema is None:
            self._schema = self._session.wire.schema(relation).json()
        folder = os.path.join(self._folder, str(batch_id))
        shutil.rmtree(folder, ignore_errors=True)  # of the same batch before
        self._session.wire.write_parquet(relation, folder)
        if os.path.isdir(folder) and folder not in self._batches:
            self._batches.append(folder)
        paths = [
            os.path.join(batch, name)
            for batch in self._batches
            for name in os.listdir(batch)
            if name.endswith(".parquet")
        ]
        self._session.set_view(self._name, plan.read_parquet(paths, self._schema or ""))
        return None

    def idle(self, nothing: Sequence[Batch]) -> None:
        self.add("", -1, nothing)


class ConsoleSink(_PlanSink):
    """Prints the first rows of each batch."""

    description = "ConsoleSink"
    exactly_once = False

    def __init__(self, session: Session, relation: Relation, rows: int, truncate: bool) -> None:
        super().__init__(session, relation)
        self._rows = rows
        self._truncate = truncate

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        from pyspark.sql.connect import proto

        shown = proto.Relation()
        shown.show_string.input.CopyFrom(self._session.resolve(self._plan(batches)))
        shown.show_string.num_rows = self._rows
        shown.show_string.truncate = 20 if self._truncate else 0
        text = self._session.wire.collect(shown).column(0)[0].as_py()
        line = "-" * 43
        print(f"{line}\nBatch: {batch_id}\n{line}\n{text}", flush=True)
        return None


class NoopSink(_PlanSink):
    """Computes each batch and keeps nothing."""

    description = "NoopSink"
    exactly_once = False

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit | None:
        folder = os.path.join(tempfile.gettempdir(), f"reelhouse-noop-{uuid.uuid4().hex}")
        try:
            self._session.wire.write_parquet(self._session.resolve(self._plan(batches)), folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return None


def refuse_format(name: str) -> Unsupported:
    """The error for a sink that is not done here."""
    return Unsupported(
        f"A stream cannot be written in the format '{name}'",
        remedy="Supported: delta, memory, console, noop, and foreachBatch.",
    )
