"""Activities that a test plays: what they are given instead of their work, and what stands for their input."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work
from reelhouse.adf.definition import Activity, Pipeline, walk
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.scope import NOTHING
from reelhouse.adf.factory import Factory
from reelhouse.adf.reference_check import check_reference, references_of
from reelhouse.errors import ReelhouseError, UserError, did_you_mean
from reelhouse.testing.inputs import evaluated_input


class FakeError(AssertionError):
    """A fake that cannot be played as it was given. It ends the test, not only the activity."""


@dataclass(frozen=True)
class Call:
    """What a fake that is a function is handed: who is played, with its evaluated input. Secrets are readable here.

    `item` is that of the ForEach around the activity, `attempt` counts its tries from 1.
    """

    pipeline: str
    activity: str
    input: Mapping[str, Any]
    attempt: int
    item: Any = NOTHING
    parameters: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] | None = None


Fake = Mapping[str, Any] | BaseException | Callable[[Call], Any] | Sequence[Any] | None
"""An output; an error; a function from a `Call` to either; a list of these, one for each call; None: no output."""


class Fakes:
    """The fakes of a run by `activity`, or by `pipeline/activity` where pipelines have activities of the same name."""

    def __init__(self, fakes: Mapping[str, Fake], factory: Factory, pipelines: Sequence[Pipeline]) -> None:
        """Raises `UserError` for a fake of an activity that none of `pipelines` has, and `FakeError` for no fake."""
        known = [activity.name for pipeline in pipelines for activity in walk(pipeline.activities)]
        full = [f"{pipeline.name}/{activity.name}" for pipeline in pipelines for activity in walk(pipeline.activities)]
        for name, fake in fakes.items():
            if name not in known and name not in full:
                names = full if "/" in name else known
                raise UserError(f"There is no activity '{name}' to fake", remedy=did_you_mean(name, names))
            _check(name, fake)
        self._fakes = dict(fakes)
        for pipeline in pipelines:
            for activity in walk(pipeline.activities):
                if self.key(pipeline.name, activity.name) is not None:
                    _check_references(activity, factory)
        self._factory = factory
        self._calls: dict[str, int] = {}
        self._lock = threading.Lock()

    def key(self, pipeline: str, activity: str) -> str | None:
        """The name by which a fake was given for this activity; None without one."""
        return next((key for key in (f"{pipeline}/{activity}", activity) if key in self._fakes), None)

    def work(self, key: str, ctx: ActivityContext, attempt: int) -> Work:
        """What a faked activity does. Its expressions are evaluated as ever."""
        shown = evaluated_input(ctx.activity, ctx.scope, self._factory)
        scope = ctx.scope
        call = Call(
            ctx.run.pipeline.name,
            ctx.activity.name,
            shown,
            attempt,
            scope.item,
            (scope.pipeline or {}).get("parameters"),
            ctx.run.variables.named(),
        )
        return Work(shown, lambda: self._play(key, call))

    def _play(self, key: str, call: Call) -> Any:
        fake = self._fakes[key]
        with self._lock:
            count = self._calls[key] = self._calls.get(key, 0) + 1
        if isinstance(fake, Sequence):
            if count > len(fake):
                raise FakeError(
                    f"The fake of '{key}' has {len(fake)} results, and the activity was started {count} times"
                )
            fake = fake[count - 1]
        if callable(fake):
            fake = fake(call)
        if isinstance(fake, BaseException):
            raise _failure(fake)
        if fake is None:
            return {}
        if not isinstance(fake, Mapping):
            raise FakeError(f"The fake of '{key}' gave {fake!r}: an output is an object")
        return dict(fake)


def _check_references(activity: Activity, factory: Factory) -> None:
    """Raises `UserError` for a wrong reference of a faked activity, if the factory has any object of that kind."""
    kinds: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
        "DatasetReference": ("dataset", "Dataset", factory.datasets),
        "LinkedServiceReference": ("linkedService", "Linked service", factory.linked_services),
    }
    for reference in references_of(activity):
        kind, word, known = kinds.get(reference.type, ("", "", {}))
        for finding in check_reference(reference, kind, word, known, factory) if known else ():
            raise finding.error()


def _check(name: str, fake: Any) -> None:
    if isinstance(fake, type) and issubclass(fake, BaseException):
        raise FakeError(f"The fake of '{name}' is a class of errors: give an error, {fake.__name__}('…')")
    if isinstance(fake, str | bytes) or not isinstance(fake, Mapping | BaseException | Sequence | None | Callable):
        raise FakeError(f"The fake of '{name}' is {fake!r}: give an output (an object), an error, a function or a list")
    if isinstance(fake, Sequence):
        for item in fake:
            if isinstance(item, Sequence):
                raise FakeError(f"The fake of '{name}' has a list in a list: each item is what one start gives")
            _check(name, item)


def _failure(error: BaseException) -> BaseException:
    """What makes the activity fail, of any error that a test gives."""
    if isinstance(error, Exception) and not isinstance(error, ActivityFailed | ReelhouseError | OSError):
        return ActivityFailed(type(error).__name__, str(error))
    return error
