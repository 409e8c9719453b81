"""The functions that a pipeline's Python files call: `from pyspark import pipelines as dp`, or `import dlt`.

Each records into the active `Registry`, with every documented parameter; a parameter that is not known is refused.
https://docs.databricks.com/aws/en/ldp/developer/python-ref
"""

from __future__ import annotations

from reelhouse.pipelines.api.change_data_capture import (
    apply_changes,
    apply_changes_from_snapshot,
    create_auto_cdc_flow,
    create_auto_cdc_from_snapshot_flow,
)
from reelhouse.pipelines.api.expectations import (
    expect,
    expect_all,
    expect_all_or_drop,
    expect_all_or_fail,
    expect_or_drop,
    expect_or_fail,
)
from reelhouse.pipelines.api.flows import append_flow, on_event_hook
from reelhouse.pipelines.api.reads import read, read_stream, readStream
from reelhouse.pipelines.api.tables import (
    create_sink,
    create_streaming_live_table,
    create_streaming_table,
    create_target_table,
    materialized_view,
    table,
    temporary_view,
    view,
)

__all__ = (
    "append_flow",
    "apply_changes",
    "apply_changes_from_snapshot",
    "create_auto_cdc_flow",
    "create_auto_cdc_from_snapshot_flow",
    "create_sink",
    "create_streaming_live_table",
    "create_streaming_table",
    "create_target_table",
    "expect",
    "expect_all",
    "expect_all_or_drop",
    "expect_all_or_fail",
    "expect_or_drop",
    "expect_or_fail",
    "materialized_view",
    "on_event_hook",
    "read",
    "readStream",
    "read_stream",
    "table",
    "temporary_view",
    "view",
)
"""What `pyspark.pipelines` and `dlt` offer while a pipeline is loaded and planned."""
