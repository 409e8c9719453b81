"""Sources: the rows of files or of a Delta table, with the columns that the projection says.

https://learn.microsoft.com/azure/data-factory/data-flow-source
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.ends import Store
from reelhouse.adf.dataflow.stream import Stream, made
from reelhouse.adf.dataflow.syntax import Transformation, Typed
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.spec import flag, number, texts, word
from reelhouse.adf.dataflow.types import convert, spark_type
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.files import is_temporary

USER_CODE = "DFExecutorUserError"


def open_source(item: Transformation, store: Store, scope: Scope, given: Any = None) -> Stream:
    """The stream of a source. `given` are rows that have been read already.

    Raises `ActivityFailed` without files, `ScriptError` for what the script says wrong.
    """
    projection = projected(item)
    if given is not None:
        frame: Any = given
    elif store.format == "delta":
        frame = _delta(item, store, scope)
    else:
        paths = _files(item, store, scope)
        frame = _read(item, store, scope, paths, projection) if paths else _nothing(scope, projection)
    url_column = word(item, "rowUrlColumn")
    stream = _columns(item, store, frame, projection, url_column)
    limit = number(item, "limit", 0)
    if limit:
        stream = stream.with_frame(stream.frame.limit(limit))
    return stream


def projected(item: Transformation) -> list[Typed]:
    """The columns that `output(…)` declares."""
    call = item.clause("output")
    if call is None:
        return []
    for node in call.arguments:
        if not isinstance(node, Typed):
            raise ScriptError("The columns of a source are written name as type", node.line)
    return [node for node in call.arguments if isinstance(node, Typed)]


def _delta(item: Transformation, store: Store, scope: Scope) -> Any:
    reader = scope.flow.spark.read.format("delta")
    for name in ("versionAsOf", "timestampAsOf"):
        node = item.option(name)
        if node is not None:
            reader = reader.option(name, str(scope.constant(node)))
    folder = store.local(store.path)
    if not (folder / "_delta_log").is_dir():
        if flag(item, "ignoreNoFilesFound"):
            return _nothing(scope, projected(item))
        raise _no_files(item, store.path)
    return reader.load(str(folder))


def _no_files(item: Transformation, path: str) -> ActivityFailed:
    return ActivityFailed(
        USER_CODE,
        f"Job failed due to reason: at Source '{item.name}': Path /{path} does not resolve to any file(s). "
        "Please make sure the file/folder exists and is not hidden.",
    )


def _files(item: Transformation, store: Store, scope: Scope) -> list[str]:
    """The local files that are meant. Names that begin with . or _ are hidden, as Spark has it."""
    patterns = [str(scope.constant(node)).strip("/") for node in texts(item.option("wildcardPaths"))]
    found: set[str] = set()
    for pattern in patterns or [store.path]:
        found.update(_matching(store, pattern) if patterns else _below(store.local(pattern)))
    if not found and not flag(item, "ignoreNoFilesFound"):
        raise _no_files(item, ", /".join(patterns) or store.path)
    return sorted(found)


def _below(path: Path) -> list[str]:
    if path.is_file():
        return [str(path)]
    files = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        files += [os.path.join(folder, name) for name in names if _visible(name)]
    return files


def _visible(name: str) -> bool:
    return not name.startswith((".", "_")) and not is_temporary(name)


def _matching(store: Store, pattern: str) -> list[str]:
    """Files by a pattern that begins at the container: `*` and `?` in a name, `**` over folders, `[…]`, `{a,b}`."""
    parts = pattern.split("/")
    fixed = next((index for index, part in enumerate(parts) if re.search(r"[*?\[{]", part)), len(parts) - 1)
    base = store.local("/".join(parts[:fixed]))
    matches = re.compile(glob_regex("/".join(parts[fixed:])))
    files = [(file, Path(file).relative_to(base).as_posix()) for file in _below(base)]
    return [file for file, name in files if matches.fullmatch(name)]


def glob_regex(pattern: str) -> str:
    """The regular expression of a wildcard path.

    >>> bool(re.fullmatch(glob_regex("sales/**/*.csv"), "sales/2020/may/a.csv"))
    True
    """
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at):
            parts.append("(?:.*/)?")
            at += 3
            continue
        if pattern.startswith("**", at):
            parts.append(".*")
            at += 2
            continue
        end = pattern.find("]" if char == "[" else "}", at)
        if char == "[" and end > 0:
            parts.append(f"[{pattern[at + 1 : end].replace('!', '^', 1)}]")
            at = end
        elif char == "{" and end > 0:
            parts.append(f"(?:{'|'.join(re.escape(item) for item in pattern[at + 1 : end].split(','))})")
            at = end
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        at += 1
    return "".join(parts)


def _read(item: Transformation, store: Store, scope: Scope, paths: list[str], projection: list[Typed]) -> Any:
    reader = scope.flow.spark.read
    if store.format == "parquet":
        return reader.parquet(*paths)
    if store.format == "json":
        return _json(item, scope, paths, projection)
    dialect = store.dialect
    options: dict[str, Any] = {
        "header": dialect.first_row_as_header,
        "sep": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "nullValue": dialect.null_value,
        "multiLine": flag(item, "multiLineRow"),
        "encoding": dialect.encoding.removesuffix("-sig"),
    }
    return reader.options(**options).csv(paths)


def _json(item: Transformation, scope: Scope, paths: list[str], projection: list[Typed]) -> Any:
    form = word(item, "documentForm", "singleDocument" if flag(item, "singleDocument") else "documentPerLine")
    multi = form != "documentPerLine"
    reader = scope.flow.spark.read.option("multiLine", multi)
    if not projection:
        return reader.json(paths)
    declared = {node.name.lower(): _ddl(node) for node in projection}
    schema = list(declared.values())
    if flag(item, "allowSchemaDrift"):
        schema += [
            f"`{found.name}` {found.dataType.simpleString()}"
            for found in reader.json(paths).schema.fields
            if found.name.lower() not in declared
        ]
    return scope.flow.spark.read.option("multiLine", multi).schema(", ".join(schema)).json(paths)


def _ddl(node: Typed) -> str:
    # Dates with a format of their own come as texts, and are converted after.
    kind = "string" if node.type.format else spark_type(node.type)
    return f"`{node.name.replace('`', '``')}` {kind}"


def _nothing(scope: Scope, projection: list[Typed]) -> Any:
    from pyspark.sql import functions as F

    columns = [F.lit(None).cast(spark_type(node.type)).alias(node.name) for node in projection]
    return scope.flow.spark.range(0).select(*columns)


def _columns(item: Transformation, store: Store, frame: Any, projection: list[Typed], url_column: str) -> Stream:
    """The stream of a frame: declared columns with their types, then drifted ones."""
    from pyspark.sql import functions as F

    given = frame.schema.fields
    by_position = store.format == "delimited" and not store.dialect.first_row_as_header
    base = Stream(item.name, frame, (), {}, frozenset({item.name}))
    by_lower = {found.name.lower(): found for found in given}
    used: set[str] = set()
    columns: list[tuple[str, Any, frozenset[str]]] = []
    for index, node in enumerate(projection):
        if by_position:
            found = given[index] if index < len(given) else None
        else:
            found = by_lower.get(node.name.lower())
        if found is None:
            if flag(item, "validateSchema"):
                raise ActivityFailed(
                    USER_CODE,
                    f"Job failed due to reason: at Source '{item.name}': column {node.name} is not in the data",
                )
            columns.append((node.name, F.lit(None).cast(spark_type(node.type)), frozenset()))
            continue
        used.add(found.name)
        value = F.col(_quoted(found.name))
        if found.dataType.simpleString() != spark_type(node.type).replace("`", "").replace(" ", ""):
            value = convert(value, found.dataType, node.type)
        columns.append((node.name, value, frozenset()))
    if flag(item, "allowSchemaDrift", default=True) or not projection:
        for index, found in enumerate(given):
            if found.name not in used:
                name = f"_col{index}_" if by_position else found.name
                columns.append((name, F.col(_quoted(found.name)), frozenset()))
    if url_column:
        columns.append((url_column, _url(store), frozenset()))
    return made(item.name, base, columns, hidden={})


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _url(store: Store) -> Any:
    """The path of the file of a row, from its container on."""
    from pyspark.sql import functions as F

    path = F.col("_metadata.file_path")
    # Files of the lake have their address there, others their local path.
    for root in (store.location.url(""), str(store.local(""))):
        path = F.replace(path, F.lit(root.rstrip("/")), F.lit(""))
    return path
