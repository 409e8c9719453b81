"""Aggregates, over groups or windows, and the functions that only windows have.

https://learn.microsoft.com/azure/data-factory/data-flow-aggregate-functions and
https://learn.microsoft.com/azure/data-factory/data-flow-window-functions
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelhouse.adf.dataflow.functions.signature import Function, table
from reelhouse.adf.dataflow.stream import fresh


def _plain(name: str) -> Callable[[Any], Any]:
    return lambda a: a.over(getattr(a.F, name)(a.counted(0)))


def _when(name: str) -> Callable[[Any], Any]:
    """Of the rows for which the first argument holds."""
    return lambda a: a.over(getattr(a.F, name)(a.counted(1, a[0])))


def _pair(name: str) -> Callable[[Any], Any]:
    return lambda a: a.over(getattr(a.F, name)(a.counted(0), a.counted(1)))


def _pair_when(name: str) -> Callable[[Any], Any]:
    return lambda a: a.over(getattr(a.F, name)(a.counted(1, a[0]), a.counted(2, a[0])))


def _count(a: Any) -> Any:
    if len(a) == 0:
        return a.over(a.F.count(a.guarded(a.F.lit(1))))
    value = a.F.lit(1)
    for item in a.all():
        value = a.F.when(item.isNotNull(), value)
    return a.over(a.F.count(a.guarded(value)))


def _count_all(a: Any) -> Any:
    return a.over(a.F.count(a.guarded(a.F.lit(1))))


def _count_if(a: Any) -> Any:
    return a.over(a.F.count(a.counted(1, a[0]) if len(a) > 1 else a.guarded(a.F.lit(1), a[0])))


def _count_distinct(a: Any) -> Any:
    if a.scope.window is not None:
        raise a.wrong(f"'{a.call.name}' does not work in a window")
    if len(a) == 1:
        return a.F.count_distinct(a.counted(0))
    present = a.F.lit(True)
    for item in a.all():
        present = present & item.isNotNull()
    return a.F.count_distinct(a.guarded(a.F.struct(*a.all()), present))


def _sum_distinct(at: int) -> Callable[[Any], Any]:
    return lambda a: a.over(a.F.sum_distinct(a.counted(at, a[0] if at else None)))


def _edge(name: str) -> Callable[[Any], Any]:
    def build(a: Any) -> Any:
        ignore = bool(a.constant(1)) if len(a) > 1 else False
        # A row that the guard leaves out must not be taken for one with a null.
        return a.over(getattr(a.F, name)(a.counted(0), ignore or a.scope.guard is not None))

    return build


def _collect(a: Any) -> Any:
    """All values, nulls among them, which Spark alone would leave out."""
    # A name of its own, since the engine tells two such aggregates of one group apart by their text alone.
    name = fresh()
    packed = a.over(a.F.collect_list(a.guarded(a.F.struct(a[0].alias(name)))))
    return a.F.transform(packed, lambda x: x.getField(name))


def _approx(a: Any) -> Any:
    # As texts, since the engine does not count all types.
    value = a.counted(0).cast("string")
    return a.over(a.F.approx_count_distinct(value, *([float(a.constant(1))] if len(a) > 1 else [])))


def _shift(name: str) -> Callable[[Any], Any]:
    def build(a: Any) -> Any:
        offset = int(a.constant(1)) if len(a) > 1 else 1
        default = a.constant(2) if len(a) > 2 else None
        return _in_window(a, getattr(a.F, name)(a[0], offset, default))

    return build


def _in_window(a: Any, value: Any) -> Any:
    if a.scope.window is None:
        raise a.wrong(f"'{a.call.name}' works only in a window")
    return a.over(value)


def _ntile(a: Any) -> Any:
    return _in_window(a, a.F.ntile(int(a.constant(0)) if len(a) else 1))


_STATISTICS = {
    "avg": "avg", "mean": "avg", "max": "max", "min": "min", "sum": "sum", "kurtosis": "kurtosis",
    "skewness": "skewness", "stddev": "stddev", "stddevPopulation": "stddev_pop", "stddevSample": "stddev_samp",
    "variance": "variance", "variancePopulation": "var_pop", "varianceSample": "var_samp",
}  # fmt: skip
_PAIRS = {"covariancePopulation": "covar_pop", "covarianceSample": "covar_samp"}

FUNCTIONS: dict[str, Function] = {
    **{name: Function(name, 1, 1, _plain(spark)) for name, spark in _STATISTICS.items()},
    **{f"{name}If": Function(f"{name}If", 2, 2, _when(spark)) for name, spark in _STATISTICS.items()},
    **{name: Function(name, 2, 2, _pair(spark)) for name, spark in _PAIRS.items()},
    **{f"{name}If": Function(f"{name}If", 3, 3, _pair_when(spark)) for name, spark in _PAIRS.items()},
    **table(
        approxDistinctCount=(1, 2, _approx),
        collect=(1, 1, _collect),
        collectUnique=(1, 1, lambda a: a.F.array_distinct(_collect(a))),
        count=(0, None, _count),
        countAll=(0, None, _count_all),
        countDistinct=(1, None, _count_distinct),
        countIf=(1, 2, _count_if),
        cumeDist=(0, 0, lambda a: _in_window(a, a.F.cume_dist())),
        denseRank=(0, 0, lambda a: _in_window(a, a.F.dense_rank())),
        first=(1, 2, _edge("first")),
        lag=(1, 3, _shift("lag")),
        last=(1, 2, _edge("last")),
        lead=(1, 3, _shift("lead")),
        nTile=(0, 1, _ntile),
        rank=(0, 0, lambda a: _in_window(a, a.F.rank())),
        rowNumber=(0, 0, lambda a: _in_window(a, a.F.row_number())),
        sumDistinct=(1, 1, _sum_distinct(0)),
        sumDistinctIf=(2, 2, _sum_distinct(1)),
    ),
}
