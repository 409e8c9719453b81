"""The transformations of data flows that are done here, by the word of the script."""

from __future__ import annotations

from reelhouse.adf.dataflow.transform import asserts, combine, groups, rows
from reelhouse.adf.dataflow.transform.spec import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*rows.KINDS, *combine.KINDS, *groups.KINDS, *asserts.KINDS)}
