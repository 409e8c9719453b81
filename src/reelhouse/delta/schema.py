"""How the columns of rows meet the columns of a table: what is cast, what is added, what is refused. Pure.

A schema is the JSON of a Spark `StructType`, which is Delta's own form of it.
https://docs.databricks.com/aws/en/tables/schema-enforcement and https://docs.databricks.com/aws/en/delta/update-schema
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reelhouse.errors import Unsupported, UserError, did_you_mean

Field = dict[str, Any]
Type = str | dict[str, Any]

_WIDER: Mapping[str, tuple[str, ...]] = {
    "byte": ("short", "integer", "long"),
    "short": ("integer", "long"),
    "integer": ("long",),
    "float": ("double",),
}
_INTEGRAL = ("byte", "short", "integer", "long")
_PRIMITIVE = frozenset(
    {*_INTEGRAL, "float", "double", "string", "binary", "boolean", "date", "timestamp", "timestamp_ntz"}
)
_DECIMAL = re.compile(r"^decimal\((\d+),\s*(\d+)\)$")


@dataclass(frozen=True)
class Projection:
    """One column of the rows as it has to be written: under the table's name, in the table's type.

    `cast_to` is None when the type is right already, else a type in the form of a schema's `type`.
    """

    source: str
    name: str
    cast_to: Type | None = None

    @property
    def is_identity(self) -> bool:
        return self.source == self.name and self.cast_to is None


@dataclass(frozen=True)
class Reconciled:
    """The table's schema after the write, whether it differs from before, and how the rows are to be projected."""

    schema: str
    changed: bool
    projection: tuple[Projection, ...]


def fields_of(schema: str) -> list[Field]:
    """The columns of a schema."""
    fields: list[Field] = json.loads(schema)["fields"]
    return fields


def to_schema(fields: Iterable[Field]) -> str:
    """The schema with these columns."""
    return json.dumps({"type": "struct", "fields": list(fields)})


def new_schema(data_schema: str, *, comments: Mapping[str, str] | None = None, not_null: Iterable[str] = ()) -> str:
    """The schema of a table that is made for rows of `data_schema`: nullable throughout unless declared otherwise."""
    fields = [_nullable(field) for field in fields_of(data_schema)]
    _refuse_twins(fields)
    names = {field["name"].lower(): field for field in fields}
    for name, comment in (comments or {}).items():
        field = _column(names, name)
        field["metadata"] = {**field["metadata"], "comment": comment}
    for name in not_null:
        _column(names, name)["nullable"] = False
    for field in fields:
        _refuse_unstorable(field["type"], field["name"])
    return to_schema(fields)


def reconcile(
    table_schema: str | None,
    data_schema: str,
    *,
    table: str,
    merge: bool = False,
    replace: bool = False,
    comments: Mapping[str, str] | None = None,
) -> Reconciled:
    """Decide how rows of `data_schema` are written to a table of `table_schema` (None: it does not exist yet).

    `merge` lets new columns in (mergeSchema), `replace` takes the rows' schema (overwriteSchema). Names are compared
    without case and keep the table's spelling. Raises `UserError` in Delta's words for a column that the table lacks,
    a type that does not fit, or a NOT NULL column that the rows lack.
    """
    if table_schema is None or replace:
        schema = new_schema(data_schema, comments=comments)
        same = tuple(Projection(field["name"], field["name"]) for field in fields_of(schema))
        return Reconciled(schema, schema_key(schema) != schema_key(table_schema), same)
    own = fields_of(table_schema)
    data = fields_of(data_schema)
    _refuse_twins(data)
    by_name = {field["name"].lower(): index for index, field in enumerate(own)}
    extra = [field for field in data if field["name"].lower() not in by_name]
    if extra and not merge:
        raise _mismatch(table, [f["name"] for f in extra], [f["name"] for f in own])
    projection, after = [], list(own)
    for field in data:
        index = by_name.get(field["name"].lower())
        if index is None:
            _refuse_unstorable(field["type"], field["name"])
            after.append(_nullable(field))
            projection.append(Projection(field["name"], field["name"]))
            continue
        target = own[index]
        merged = _fit(field["type"], target["type"], target["name"], table, merge)
        after[index] = {**target, "type": merged}
        same_type = _type_key(field["type"]) == _type_key(merged)
        projection.append(Projection(field["name"], target["name"], None if same_type else merged))
    _refuse_missing(own, data, table)
    schema = to_schema(after)
    return Reconciled(schema, schema_key(schema) != schema_key(table_schema), tuple(projection))


def schema_key(schema: str | None) -> object:
    """What makes two schemas equal: names, types, nullability and comments, whatever the order of JSON keys."""
    if schema is None:
        return None
    return [(f["name"], _type_key(f["type"]), f["nullable"], sorted(f["metadata"].items())) for f in fields_of(schema)]


def type_text(type_: Type) -> str:
    """A type as SQL writes it.

    >>> type_text({"type": "array", "elementType": "long", "containsNull": True})
    'array<bigint>'
    """
    names = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
    if isinstance(type_, str):
        return names.get(type_, type_)
    if type_["type"] == "array":
        return f"array<{type_text(type_['elementType'])}>"
    if type_["type"] == "map":
        return f"map<{type_text(type_['keyType'])},{type_text(type_['valueType'])}>"
    if type_["type"] == "struct":
        return "struct<" + ",".join(f"{f['name']}:{type_text(f['type'])}" for f in type_["fields"]) + ">"
    raise Unsupported(f"The type {type_['type']} cannot be stored in a Delta table")


def _fit(data: Type, own: Type, column: str, table: str, merge: bool) -> Type:
    """The type that the column has after the write; raises when the rows' type does not fit."""
    if _type_key(data) == _type_key(own) or data == "void":
        return own
    if isinstance(data, str) and isinstance(own, str):
        if own in _WIDER.get(data, ()) or _wider_decimal(data, own):
            return own
    elif isinstance(data, dict) and isinstance(own, dict) and data["type"] == own["type"]:
        if own["type"] == "array":
            return {
                **own,
                "elementType": _fit(data["elementType"], own["elementType"], f"{column}.element", table, merge),
            }
        if own["type"] == "map":
            key = _fit(data["keyType"], own["keyType"], f"{column}.key", table, merge)
            return {
                **own,
                "keyType": key,
                "valueType": _fit(data["valueType"], own["valueType"], f"{column}.value", table, merge),
            }
        if own["type"] == "struct":
            return _fit_struct(data, own, column, table, merge)
    raise UserError(
        f"DELTA_FAILED_TO_MERGE_FIELDS: column '{column}' of '{table}' is {type_text(own)}, "
        f"the rows have {type_text(data)}",
        remedy="Cast the column, or overwrite the table with option overwriteSchema.",
    )


def _fit_struct(data: dict[str, Any], own: dict[str, Any], column: str, table: str, merge: bool) -> Type:
    """Fields have to come in the table's order: engines cast structs by position."""
    names = [field["name"].lower() for field in own["fields"]]
    given = [field["name"].lower() for field in data["fields"]]
    if given[: len(names)] != names:
        raise UserError(
            f"DELTA_FAILED_TO_MERGE_FIELDS: the fields of '{column}' of '{table}' are {', '.join(names)}, "
            f"the rows have {', '.join(given)}",
            remedy="Build the struct with the table's fields, in their order.",
        )
    extra = data["fields"][len(names) :]
    if extra and not merge:
        raise _mismatch(table, [f"{column}.{field['name']}" for field in extra], [f"{column}.{n}" for n in names])
    kept = [
        {**o, "type": _fit(d["type"], o["type"], f"{column}.{o['name']}", table, merge)}
        for o, d in zip(own["fields"], data["fields"], strict=False)
    ]
    return {**own, "fields": kept + [_nullable(field) for field in extra]}


def _wider_decimal(data: str, own: str) -> bool:
    have, want = _DECIMAL.match(data), _DECIMAL.match(own)
    if not have or not want:
        return False
    digits, scale = int(have[1]), int(have[2])
    return int(want[2]) >= scale and int(want[1]) - int(want[2]) >= digits - scale


def _mismatch(table: str, extra: list[str], own: list[str]) -> UserError:
    near = did_you_mean(extra[0], own)
    return UserError(
        "DELTA_METADATA_MISMATCH: A schema mismatch detected when writing to the Delta table "
        f"'{table}': it has no column {', '.join(repr(name) for name in extra)}",
        remedy=f"Set option mergeSchema to 'true' to add what is new. {near}",
    )


def _refuse_missing(own: list[Field], data: list[Field], table: str) -> None:
    given = {field["name"].lower() for field in data}
    missing = [f["name"] for f in own if not f["nullable"] and f["name"].lower() not in given]
    if missing:
        raise UserError(
            f"DELTA_NOT_NULL_CONSTRAINT_VIOLATED: '{table}' declares {', '.join(missing)} NOT NULL, "
            "and the rows lack it"
        )


def _refuse_twins(fields: list[Field]) -> None:
    seen: set[str] = set()
    for field in fields:
        name = field["name"].lower()
        if name in seen:
            raise UserError(f"DELTA_DUPLICATE_COLUMNS_FOUND: the rows have more than one column '{field['name']}'")
        seen.add(name)


def _refuse_unstorable(type_: Type, column: str) -> None:
    if isinstance(type_, dict):
        for key in ("elementType", "keyType", "valueType"):
            if key in type_:
                _refuse_unstorable(type_[key], column)
        for field in type_.get("fields", ()):
            _refuse_unstorable(field["type"], f"{column}.{field['name']}")
        return
    if type_ == "void":
        raise Unsupported(f"Column '{column}' has no type (NULL)", remedy="Cast it: CAST(NULL AS STRING).")
    if type_ not in _PRIMITIVE and not _DECIMAL.match(type_):
        known = ", ".join(sorted(_PRIMITIVE))
        raise Unsupported(
            f"Column '{column}' has type {type_}, which is not stored in Delta tables here",
            remedy=f"Stored are {known}, decimal, array, map, struct.",
        )


def _nullable(field: Field) -> Field:
    return {
        "name": field["name"],
        "type": _nullable_type(field["type"]),
        "nullable": True,
        "metadata": dict(field.get("metadata") or {}),
    }


def _nullable_type(type_: Type) -> Type:
    if isinstance(type_, str):
        return type_
    if type_["type"] == "array":
        return {"type": "array", "elementType": _nullable_type(type_["elementType"]), "containsNull": True}
    if type_["type"] == "map":
        return {
            "type": "map",
            "keyType": _nullable_type(type_["keyType"]),
            "valueType": _nullable_type(type_["valueType"]),
            "valueContainsNull": True,
        }
    if type_["type"] == "struct":
        return {"type": "struct", "fields": [_nullable(field) for field in type_["fields"]]}
    return type_


def _type_key(type_: Type) -> object:
    """A type without nullability and comments, names without case."""
    if isinstance(type_, str):
        return re.sub(r"\s", "", type_)
    if type_["type"] == "array":
        return ("array", _type_key(type_["elementType"]))
    if type_["type"] == "map":
        return ("map", _type_key(type_["keyType"]), _type_key(type_["valueType"]))
    return ("struct", tuple((f["name"].lower(), _type_key(f["type"])) for f in type_.get("fields", ())))


def _column(names: Mapping[str, Field], name: str) -> Field:
    field = names.get(name.lower())
    if field is None:
        raise UserError(f"There is no column '{name}'", remedy=did_you_mean(name, [f["name"] for f in names.values()]))
    return field
