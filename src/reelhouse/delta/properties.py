"""Table properties: which of Delta's own have an effect here, and the protocol that a table needs for them. Pure.

https://docs.databricks.com/aws/en/delta/table-properties and
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#table-features
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from reelhouse.errors import Unsupported, UserError, did_you_mean

_BOOLEAN = re.compile(r"^(true|false)$", re.I)
_NUMBER = re.compile(r"^-?\d+$")
_INTERVAL = re.compile(r"^(interval\s+)?(\d+(\.\d+)?\s+[a-z]+\s*)+$", re.I)
_SIZE = re.compile(r"^\d+\s*(b|k|kb|m|mb|g|gb)?$", re.I)
_ANY = re.compile(r"", re.S)

EFFECTIVE: Mapping[str, re.Pattern[str]] = {
    "delta.appendOnly": _BOOLEAN,
    "delta.checkpointInterval": _NUMBER,
    "delta.dataSkippingNumIndexedCols": _NUMBER,
    "delta.dataSkippingStatsColumns": _ANY,
    "delta.deletedFileRetentionDuration": _INTERVAL,
    "delta.enableChangeDataFeed": _BOOLEAN,
    "delta.logRetentionDuration": _INTERVAL,
    "delta.enableExpiredLogCleanup": _BOOLEAN,
    "delta.setTransactionRetentionDuration": _INTERVAL,
    "delta.targetFileSize": _SIZE,
}
"""Properties of Delta that are heeded, with the shape of their values."""

WITHOUT_EFFECT: Mapping[str, re.Pattern[str]] = {
    "delta.autoOptimize.autoCompact": re.compile(r"^(true|false|auto|legacy)$", re.I),
    "delta.autoOptimize.optimizeWrite": _BOOLEAN,
    "delta.isolationLevel": re.compile(r"^(Serializable|WriteSerializable)$"),
    "delta.randomizeFilePrefixes": _BOOLEAN,
    "delta.tuneFileSizesForRewrites": _BOOLEAN,
    "delta.parquet.compression.codec": _ANY,
}
"""Properties that only place or size files, checked for shape and kept."""

_REFUSED_WHEN: Mapping[str, tuple[str, str]] = {
    "delta.columnMapping.mode": ("none", "renamed and dropped columns"),
    "delta.enableDeletionVectors": ("false", "deletion vectors (rows are deleted by copy on write)"),
    "delta.enableRowTracking": ("false", "row tracking"),
    "delta.enableTypeWidening": ("false", "type widening"),
    "delta.enableIcebergCompatV1": ("false", "Iceberg compatibility"),
    "delta.enableIcebergCompatV2": ("false", "Iceberg compatibility"),
    "delta.universalFormat.enabledFormats": ("", "universal format"),
    "delta.checkpointPolicy": ("classic", "checkpoints of version 2"),
    "delta.enableInCommitTimestamps": ("false", "in-commit timestamps"),
}
CONSTRAINT = "delta.constraints."
SUPPORTED_WRITER_FEATURES = frozenset(
    {"appendOnly", "invariants", "checkConstraints", "changeDataFeed", "timestampNtz", "deletionVectors"}
)


def check_properties(properties: Mapping[str, str]) -> None:
    """Raise `UserError` for a property of Delta that is unknown, misshapen, or `Unsupported` for what it turns on.

    Keys that do not begin with `delta.` are the user's own and always let through.
    """
    known = {key.lower(): key for key in (*EFFECTIVE, *WITHOUT_EFFECT, *_REFUSED_WHEN)}
    for key, value in properties.items():
        if not key.lower().startswith("delta.") or key.startswith(CONSTRAINT):
            continue
        name = known.get(key.lower())
        if name is None:
            raise UserError(
                f"DELTA_UNKNOWN_CONFIGURATION: unknown table property '{key}'", remedy=did_you_mean(key, known.values())
            )
        if name in _REFUSED_WHEN:
            off, what = _REFUSED_WHEN[name]
            if value.lower() != off:
                raise Unsupported(f"Table property {name} = '{value}': {what} are not supported here")
            continue
        shape = EFFECTIVE.get(name) or WITHOUT_EFFECT[name]
        if not shape.match(value.strip()):
            raise UserError(f"DELTA_VIOLATE_TABLE_PROPERTY_VALIDATION: '{value}' is no value of table property {name}")


def normalised(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties with Delta's own spelled as Delta spells them."""
    known = {key.lower(): key for key in (*EFFECTIVE, *WITHOUT_EFFECT, *_REFUSED_WHEN)}
    return {known.get(key.lower(), key): value for key, value in properties.items()}


def protocol_action(
    schema: str, properties: Mapping[str, str], present: tuple[int, int, frozenset[str], frozenset[str]] | None = None
) -> dict[str, object] | None:
    """The `protocol` action that a table with this schema and these properties needs, None when `present` will do."""
    features = required_features(schema, properties)
    reader, writer, reader_features, writer_features = present or (1, 2, frozenset(), frozenset())
    if "timestampNtz" in features or writer >= 7:
        have = set(writer_features) if writer >= 7 else set(_legacy_features(writer))
        wanted = have | features
        wanted_reader = set(reader_features) | ({"timestampNtz"} & features)
        if present and writer >= 7 and wanted == set(writer_features) and wanted_reader == set(reader_features):
            return None
        action: dict[str, object] = {"minReaderVersion": max(reader, 3), "minWriterVersion": 7}
        action["readerFeatures"] = sorted(wanted_reader)
        action["writerFeatures"] = sorted(wanted)
        return action
    needed = max([2, *({"checkConstraints": 3, "changeDataFeed": 4}.get(f, 2) for f in features)])
    if present and needed <= writer:
        return None
    return {"minReaderVersion": max(reader, 1), "minWriterVersion": max(needed, writer)}


def required_features(schema: str, properties: Mapping[str, str]) -> set[str]:
    """The table features that a schema and properties ask of a writer."""
    features = {"appendOnly", "invariants"}
    if '"timestamp_ntz"' in schema:
        features.add("timestampNtz")
    if any(key.startswith(CONSTRAINT) for key in properties):
        features.add("checkConstraints")
    if is_true(properties, "delta.enableChangeDataFeed"):
        features.add("changeDataFeed")
    return features


def _legacy_features(writer: int) -> Iterable[str]:
    by_version = {2: ("appendOnly", "invariants"), 3: ("checkConstraints",), 4: ("changeDataFeed",)}
    return [feature for version, features in by_version.items() if version <= writer for feature in features]


def is_true(properties: Mapping[str, str], key: str) -> bool:
    """Whether a property is set to true."""
    return properties.get(key, "false").strip().lower() == "true"


def check_writable(
    present: tuple[int, int, frozenset[str], frozenset[str]], properties: Mapping[str, str], table: str
) -> None:
    """Raise `Unsupported` when the table uses a feature that a writer has to know and this one does not."""
    _, writer, _, features = present
    unknown = features - SUPPORTED_WRITER_FEATURES if writer >= 7 else frozenset()
    if 5 <= writer < 7:
        mapped = properties.get("delta.columnMapping.mode", "none") != "none"
        unknown = frozenset({"columnMapping"} if mapped else ())
    if unknown:
        raise Unsupported(
            f"'{table}' uses the Delta features {', '.join(sorted(unknown))}, which cannot be written here",
            remedy=f"Supported are {', '.join(sorted(SUPPORTED_WRITER_FEATURES))}.",
        )
