"""What the user's functions read while an update runs: snapshot functions look at tables before they answer."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from reelhouse.errors import Place, ReelhouseError
from reelhouse.pipelines.plans import lift_sql
from reelhouse.plans import plan

_NOWHERE = Place("")
_READS = ("to_table", "to_table_as_iterator", "to_pandas")


class Observed:
    """While entered, keeps every plan that is run through a session's client."""

    def __init__(self, spark: Any) -> None:
        self._client = spark.client
        self.relations: list[plan.Relation] = []

    def __enter__(self) -> Observed:
        for name in _READS:
            setattr(self._client, name, self._keeping(getattr(self._client, name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in _READS:
            delattr(self._client, name)

    def _keeping(self, run: Any) -> Any:
        def kept(message: Any, *arguments: Any, **options: Any) -> Any:
            try:
                self.relations.append(lift_sql(message.root, _NOWHERE))
            except ReelhouseError:
                self.relations.append(message.root)
            return run(message, *arguments, **options)

        return kept
