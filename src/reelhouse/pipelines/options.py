"""Which settings of a single dataset are known; another one would have no effect without being told."""

from __future__ import annotations

from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.pipelines.planned import PlannedDataset

_NO_EFFECT = frozenset({"pipelines.trigger.interval", "spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled"})
_PROPERTIES = frozenset(
    {
        "pipelines.reset.allowed",
        "pipelines.autoOptimize.managed",
        "pipelines.autoOptimize.zOrderCols",
        "pipelines.cdc.tombstoneGCThresholdInSeconds",
    }
)


def check_options(planned: PlannedDataset) -> None:
    """Refuse configuration and `pipelines.` properties of a dataset that would have no effect without being told."""
    own = planned.dataset
    confs = {**own.spark_conf}
    for flow in planned.flows:
        confs |= dict(getattr(flow.flow, "spark_conf", {}))
    for key in confs:
        if key not in _NO_EFFECT:
            raise Unsupported(
                f"'{planned.name}' sets '{key}' in spark_conf, which is not supported for a single dataset",
                where=own.place,
                remedy=f"Supported: {', '.join(sorted(_NO_EFFECT))}; set others in the pipeline's configuration.",
            )
    for key, value in own.properties.items():
        if key.startswith("pipelines.") and key not in _PROPERTIES:
            remedy = did_you_mean(key, _PROPERTIES)
            what = f"'{planned.name}' has the table property '{key}', which is not supported"
            raise Unsupported(what, where=own.place, remedy=remedy)
        if key == "pipelines.autoOptimize.zOrderCols" and planned.schema is not None:
            known = {f["name"].lower() for f in planned.schema}
            for column in filter(None, (c.strip() for c in value.split(","))):
                if column.lower() not in known:
                    remedy = did_you_mean(column, [f["name"] for f in planned.schema])
                    what = f"'{key}' of '{planned.name}' names column '{column}', which it lacks"
                    raise UserError(what, where=own.place, remedy=remedy)
