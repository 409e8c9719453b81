"""`spark.catalog.*`, answered from the project's catalog.

https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/catalog.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext


def call(context: SessionContext, catalog: Any) -> pa.Table:
    """The rows that answer a `proto.Catalog` call."""
    raise Unsupported(f"spark.catalog: '{catalog.WhichOneof('cat_type')}' is not supported here")
