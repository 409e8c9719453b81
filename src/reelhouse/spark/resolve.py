"""From what a user's plan names to what an engine can read.

Names become snapshots of Delta tables, addresses of the lake local paths, text formats reads by our own reader, SQL
text the same text over relations that stand for its tables. Looking things up is the only side effect.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.delta.write import Target
from reelhouse.errors import ReelhouseError, Unsupported, UserError, did_you_mean
from reelhouse.plans import metadata_column, plan
from reelhouse.spark import (
    change_reads,
    current_names,
    information_schema,
    lateral_aliases,
    sqltext,
    star_except,
    table_functions,
)

if TYPE_CHECKING:
    from reelhouse.catalog.names import SchemaName
    from reelhouse.spark.context import SessionContext

OWN_FORMATS = frozenset({"csv", "json", "text", "binaryfile", "orc", "avro"})
NATIVE_FORMATS = frozenset({"parquet"})
PATH_FORMATS = frozenset({"delta", *OWN_FORMATS, *NATIVE_FORMATS})
_INTERNAL_FORMATS = frozenset({"reelhouse_files"})
_TRAVEL = {"versionasof", "timestampasof"}
_DEEPEST_VIEW = 50
_names = itertools.count(1)


def resolve(context: SessionContext, relation: plan.Relation) -> plan.Relation:
    """The plan as the engine can run it. See `SessionContext.resolve`."""
    with_metadata = metadata_column.asks(relation)
    if with_metadata:
        relation = metadata_column.hide(_mark(inline_views(context, relation)))
    resolved = _Resolver(context, with_metadata=with_metadata).run(relation)
    if current_names.asks(resolved):
        current_names.fill(resolved, context.current.catalog, context.current.schema)
    return resolved


def _mark(relation: plan.Relation) -> plan.Relation:
    """The plan with reads of files marked as those that have a column `_metadata`.

    The mark is the one of streaming reads: in a batch plan there are no others.
    """

    def change(node: plan.Relation) -> plan.Relation | None:
        if plan.kind(node) != "read" or node.read.data_source.format.lower() not in OWN_FORMATS | NATIVE_FORMATS:
            return None
        marked = plan.proto.Relation()
        marked.CopyFrom(node)
        marked.read.is_streaming = True
        return marked

    return plan.replace(relation, change)


def inline_views(context: SessionContext, relation: plan.Relation) -> plan.Relation:
    """The plan with views replaced by their plans and all else as it is."""
    return _Resolver(context, views_only=True).run(relation)


def lift(context: SessionContext, relation: plan.Relation) -> plan.Relation:
    """The plan with views replaced by their plans, and with the tables of SQL text as reads by name beside it."""
    return _Resolver(context, views_only=True, lifting=True).run(relation)


class _Resolver:
    """One resolution. `current` is the schema of unqualified names, which inside a view is the view's."""

    def __init__(
        self,
        context: SessionContext,
        *,
        current: SchemaName | None = None,
        views_only: bool = False,
        lifting: bool = False,
        depth: int = 0,
        temporary: bool = True,
        with_metadata: bool = False,
    ) -> None:
        self._context = context
        self._current = current or context.current
        self._views_only = views_only
        self._lifting = lifting
        self._depth = depth
        self._temporary = temporary
        self._with_metadata = with_metadata
        self._given: frozenset[str] = frozenset()

    def run(self, relation: plan.Relation) -> plan.Relation:
        if self._depth > _DEEPEST_VIEW:
            raise UserError(f"Views are nested more than {_DEEPEST_VIEW} deep, perhaps in a circle")
        self._given = frozenset(_reference_names(relation))
        return plan.replace(relation, self._change)

    def _change(self, node: plan.Relation) -> plan.Relation | None:
        match plan.kind(node):
            case "read":
                return self._read(node)
            case "sql":
                return self._sql(node)
            case "with_relations":
                return _flatten(node)
            case "cached_remote_relation":
                return self._checkpoint(node)
            case "relation_changes" if not self._views_only:
                raise Unsupported("Reading a table's change feed with changes() is not supported here")
            case "extension" if not self._views_only:
                raise Unsupported(f"The relation extension {node.extension.type_url} is not supported here")
        return None

    # reads

    def _read(self, node: plan.Relation) -> plan.Relation | None:
        read = node.read
        if read.HasField("named_table"):
            return self._named(node)
        if self._views_only or (read.is_streaming and not self._with_metadata):
            return None
        return self._data_source(read.data_source, with_metadata=read.is_streaming)

    def _named(self, node: plan.Relation) -> plan.Relation | None:
        table = node.read.named_table
        parts = plan.split_name(table.unparsed_identifier)
        if len(parts) == 1 and parts[0].lower() in self._given:
            return None
        view = self._view(parts)
        if view is not None:
            return plan.alias(view, parts[-1])
        if self._lifting and self._current != self._context.current:
            return self._by_full_name(node)
        if node.read.is_streaming or self._views_only:
            return None
        options = {key.lower(): value for key, value in table.options.items()}
        asked = change_reads.asked(options)
        if asked is not None:
            return plan.alias(change_reads.of_table(self._context, parts, self._current, asked), parts[-1])
        version, timestamp = _travel(options, f"table '{table.unparsed_identifier}'")
        found = self._table(parts, version, timestamp)
        return plan.alias(found, parts[-1])

    def _view(self, parts: Sequence[str]) -> plan.Relation | None:
        """What a view stands for; None when the name is none of a view."""
        context = self._context
        if self._temporary:
            found = None
            if len(parts) == 1:
                found = context.views.get(parts[0].lower())
            elif len(parts) == 2 and parts[0].lower() == "global_temp":
                found = context.global_views.get(parts[1].lower())
            if found is not None:
                return self._inner(self._current).run(found)
        if len(parts) > 3 or (len(parts) == 2 and parts[0].lower() in PATH_FORMATS):
            return None
        if len(parts) > 1 and parts[-2].lower() == information_schema.NAME:
            return None
        entry = context.catalog.find(parts, self._current)
        if entry is None or entry.view_text is None or not entry.is_view:
            return None
        inner = self._inner(entry.view_schema or self._current, temporary=False)
        return inner.run(plan.sql(entry.view_text))

    def _inner(self, current: SchemaName, *, temporary: bool = True) -> _Resolver:
        return _Resolver(
            self._context,
            current=current,
            views_only=self._views_only,
            lifting=self._lifting,
            depth=self._depth + 1,
            temporary=temporary and self._temporary,
            with_metadata=self._with_metadata,
        )

    def _table(self, parts: Sequence[str], version: int | None, timestamp: str | None) -> plan.Relation:
        context = self._context
        *front, last = parts
        last, at_version, at_time = _split_at(last)
        version = version if at_version is None else at_version
        timestamp = at_time or timestamp
        if len(front) == 1 and front[0].lower() in PATH_FORMATS:
            return self._path(front[0].lower(), last, version, timestamp)
        if front and front[-1].lower() == information_schema.NAME:
            catalog = front[0] if len(front) > 1 else self._current.catalog
            return information_schema.relation(context, catalog, last)
        entry = context.catalog.find([*front, last], self._current)
        if entry is None:
            raise self._not_found([*front, last])
        return context.read_delta(Target(entry.location, str(entry.name)), version, timestamp)

    def _by_full_name(self, node: plan.Relation) -> plan.Relation | None:
        """A read by name inside a view of another schema, with the name that it means there."""
        table = node.read.named_table
        parts = plan.split_name(table.unparsed_identifier)
        if len(parts) == 2 and parts[0].lower() in PATH_FORMATS:
            return None
        full = self._context.catalog.resolve_name(parts, self._current)
        named = plan.proto.Relation()
        named.CopyFrom(node)
        named.read.named_table.unparsed_identifier = ".".join(
            plan.quote(part) for part in (full.catalog, full.schema, full.table)
        )
        return named

    def _path(self, format: str, path: str, version: int | None, timestamp: str | None) -> plan.Relation:
        if format == "delta":
            return self._delta(path, version, timestamp)
        if version is not None or timestamp is not None:
            raise UserError(f"'{format}.`{path}`' has no versions: only Delta tables have")
        return self._data_source(plan.read_data_source(format, paths=[path]).read.data_source)

    def _delta(self, path: str, version: int | None, timestamp: str | None) -> plan.Relation:
        local = self._context.lake.local(path)
        entry = self._context.catalog.at_location(local)
        name = str(entry.name) if entry else None
        if self._context.snapshot(local) is None:
            raise UserError(
                f"DELTA_TABLE_NOT_FOUND: there is no Delta table at {path}",
                remedy=f"It would lie at {local} on this machine.",
            )
        return self._context.read_delta(Target(local, name), version, timestamp)

    def _not_found(self, parts: Sequence[str]) -> Exception:
        context = self._context
        views = list(context.temporary_views)
        try:
            context.catalog.table(parts, self._current)
        except UserError as error:
            near = did_you_mean(".".join(parts), views) if views else ""
            if near.startswith("Did") and len(parts) == 1:
                return UserError(error.what, remedy=near)
            return error
        return UserError(f"TABLE_OR_VIEW_NOT_FOUND: there is no table or view '{'.'.join(parts)}'")

    def _data_source(self, source: Any, *, with_metadata: bool = False) -> plan.Relation | None:
        format = source.format.lower() or "delta"
        options = dict(source.options)
        if format in _INTERNAL_FORMATS or format in {name.lower() for name in self._context.data_sources}:
            return None
        paths = list(source.paths) or [value for key, value in options.items() if key.lower() == "path"]
        options = {key: value for key, value in options.items() if key.lower() != "path"}
        if format == "delta":
            return self._delta_source(source, options, paths)
        if format in OWN_FORMATS:
            return self._own(format, options, source.schema or None, paths, with_metadata)
        if format in NATIVE_FORMATS:
            return self._parquet(options, source.schema or None, paths, with_metadata)
        raise Unsupported(
            f"Files of format '{source.format}' cannot be read here",
            remedy=f"Supported: {', '.join(sorted(PATH_FORMATS))}, and data sources registered in the session.",
        )

    def _delta_source(self, source: Any, options: Mapping[str, str], paths: Sequence[str]) -> plan.Relation:
        if source.schema:
            raise UserError("A read of a Delta table takes no schema: the table has one")
        if len(paths) != 1:
            raise UserError(f"A read of a Delta table takes one path, not {len(paths)}")
        lower = {key.lower(): value for key, value in options.items()}
        asked = change_reads.asked(lower)
        if asked is not None:
            return change_reads.of_path(self._context, paths[0], asked)
        version, timestamp = _travel(lower, f"delta path '{paths[0]}'")
        path, at_version, at_time = _split_at(paths[0])
        return self._delta(path, version if at_version is None else at_version, at_time or timestamp)

    def _own(
        self, format: str, options: Mapping[str, str], schema: str | None, paths: Sequence[str], with_metadata: bool
    ) -> plan.Relation:
        from reelhouse.autoloader.batch import batch_read

        self._context.need_file_reader()
        zone = self._context.conf.read("spark.sql.session.timeZone") or "UTC"
        return batch_read(format, options, schema, paths, self._context.lake, metadata=with_metadata, time_zone=zone)

    def _parquet(
        self, options: Mapping[str, str], schema: str | None, paths: Sequence[str], with_metadata: bool
    ) -> plan.Relation | None:
        from reelhouse.spark.parquet import read_parquet

        if with_metadata:
            return self._own("parquet", options, schema, paths, with_metadata)
        if schema and not options and all(map(os.path.isfile, paths)):
            return None
        return read_parquet(self._context, options, schema, paths)

    # SQL

    def _sql(self, node: plan.Relation) -> plan.Relation | None:
        from reelhouse.spark.statements.queries import for_engine

        text = node.sql.query
        if not self._views_only:
            text = for_engine(text)
            if self._context.engine == "sail":
                text = lateral_aliases.spelled_out(text, self._columns)
                plain, dropped = star_except.split(text)
                if dropped:
                    return self._dropped(self._sql(_with_text(node, plain)) or _with_text(node, plain), dropped)
            text = sqltext.with_current_names(text, self._current.catalog, self._current.schema)
        renamed = self._over_references(node, text)
        if renamed is not None or text == node.sql.query:
            return renamed
        return _with_text(node, text)

    def _columns(self, query: str) -> frozenset[str] | None:
        from pyspark.errors import PySparkException

        try:
            relation = plan.sql(query)
            return frozenset(name.lower() for name in self._context.wire.schema(self._sql(relation) or relation).names)
        except (PySparkException, ReelhouseError):
            return None

    def _dropped(self, rows: plan.Relation, names: Sequence[str]) -> plan.Relation:
        have = {field.lower() for field in self._context.wire.schema(rows).names}
        unknown = [name for name in names if name.lower() not in have]
        if unknown:
            raise UserError(
                f"UNRESOLVED_COLUMN: there is no column '{unknown[0]}' to leave out with EXCEPT",
                remedy=did_you_mean(unknown[0], sorted(have)),
            )
        return plan.drop(rows, names)

    def _over_references(self, node: plan.Relation, text: str) -> plan.Relation | None:
        """The text over relations in the place of its tables; None when there is nothing to replace."""
        if not sqltext.may_read_tables(text):
            return None
        chosen: list[tuple[sqltext.TableRef, str]] = []
        references: dict[str, plan.Relation] = {}
        if not self._views_only:
            text, references = table_functions.replaced(self._context, text)
        by_table: dict[tuple[Any, ...], str] = {}
        for ref in sqltext.tables(text):
            if len(ref.parts) == 1 and ref.parts[0].lower() in {*self._given, *references}:
                continue
            key = (tuple(part.lower() for part in ref.parts), ref.version, ref.timestamp, ref.streaming)
            if key not in by_table:
                relation = self._reference(ref)
                if relation is None:
                    continue
                by_table[key] = f"__reelhouse_{next(_names)}"
                references[by_table[key]] = relation
            chosen.append((ref, by_table[key]))
        if not references:
            return None
        return plan.with_relations(self._bound(_with_text(node, sqltext.rename(text, chosen))), references)

    def _bound(self, node: plan.Relation) -> plan.Relation:
        """The text with its arguments in it: Apache Spark forgets them where a text has references."""
        sql = node.sql
        if self._context.engine == "sail" or not (sql.named_arguments or sql.pos_arguments):
            return node
        from reelhouse.spark.statements.arguments import to_literals
        from reelhouse.spark.statements.tokens import bind

        given: Any = list(sql.pos_arguments) or dict(sql.named_arguments)
        return plan.sql(bind(sql.query, to_literals(given)))

    def _reference(self, ref: sqltext.TableRef) -> plan.Relation | None:
        """What a table of a text stands for; None to leave it as a name."""
        view = self._view(ref.parts)
        if view is not None:
            return view
        if self._lifting:
            named = plan.named_table(".".join(plan.quote(part) for part in ref.parts), streaming=ref.streaming)
            return self._by_full_name(named) or named
        if self._views_only:
            return None
        if ref.streaming:
            raise UserError(
                f"STREAM {'.'.join(ref.parts)} reads a stream, which a batch query cannot",
                remedy="Use it in a streaming table of a pipeline, or leave out STREAM.",
            )
        return self._table(ref.parts, ref.version, ref.timestamp)

    def _checkpoint(self, node: plan.Relation) -> plan.Relation | None:
        return self._context.checkpoints.get(node.cached_remote_relation.relation_id)


def _with_text(node: plan.Relation, text: str) -> plan.Relation:
    changed = plan.proto.Relation()
    changed.CopyFrom(node)
    changed.sql.query = text
    return changed


def _reference_names(relation: plan.Relation) -> list[str]:
    """The names that `with_relations` gives to relations anywhere in the plan."""
    return [
        reference.subquery_alias.alias.lower()
        for node in plan.walk(relation)
        if plan.kind(node) == "with_relations"
        for reference in node.with_relations.references
        if plan.kind(reference) == "subquery_alias"
    ]


def _flatten(node: plan.Relation) -> plan.Relation | None:
    """`with_relations` directly in another one as one: engines look no deeper."""
    if plan.kind(node.with_relations.root) != "with_relations":
        return None
    inner = node.with_relations.root.with_relations
    flat = plan.proto.Relation()
    flat.with_relations.root.CopyFrom(inner.root)
    flat.with_relations.references.extend([*node.with_relations.references, *inner.references])
    return flat


def _travel(options: Mapping[str, str], what: str) -> tuple[int | None, str | None]:
    """Version and timestamp of the reader options (names in lower case)."""
    unknown = [key for key in options if key not in _TRAVEL]
    if unknown:
        raise Unsupported(
            f"Option '{unknown[0]}' of a read of {what} is not supported",
            remedy="Supported: versionAsOf, timestampAsOf.",
        )
    if len(options) > 1:
        raise UserError(f"A read of {what} gives both versionAsOf and timestampAsOf", remedy="Give one of them.")
    version = options.get("versionasof")
    if version is not None and not version.strip().isdigit():
        raise UserError(f"versionAsOf of {what} is '{version}', not a number")
    return (int(version) if version is not None else None), options.get("timestampasof")


def _split_at(name: str) -> tuple[str, int | None, str | None]:
    """A name or path that may end in `@v12` or `@20240131235959000`."""
    front, at, suffix = name.rpartition("@")
    if at and suffix[:1] in ("v", "V") and suffix[1:].isdigit():
        return front, int(suffix[1:]), None
    if at and suffix.isdigit() and len(suffix) == 17:
        day, time = suffix[:8], suffix[8:]
        return (
            front,
            None,
            f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:6]}.{time[6:]}",
        )
    return name, None, None
