"""Delta's own messages inside of the extensions that carry them."""

from __future__ import annotations

from typing import Any

from reelhouse.errors import Unsupported

_PREFIX = "delta.connect."


def is_delta(extension: Any) -> bool:
    """Whether an extension (`google.protobuf.Any`) is one of Delta's."""
    return bool(extension.TypeName().startswith(_PREFIX))


def unpacked(extension: Any) -> Any:
    """The `DeltaRelation` or `DeltaCommand` of an extension. Raises `Unsupported` for extensions of others."""
    if not is_delta(extension):
        raise Unsupported(f"Extensions of type '{extension.TypeName()}' are not supported here")
    try:
        from delta.connect import proto
    except ImportError as error:
        raise Unsupported(
            "The client uses the DeltaTable API, and the package delta-spark is not installed here",
            remedy="pip install --no-deps delta-spark",
        ) from error
    kind: Any = {"DeltaRelation": proto.DeltaRelation, "DeltaCommand": proto.DeltaCommand}.get(
        extension.TypeName().removeprefix(_PREFIX)
    )
    if kind is None:
        raise Unsupported(f"The message '{extension.TypeName()}' is not known here")
    return kind.FromString(extension.value)
