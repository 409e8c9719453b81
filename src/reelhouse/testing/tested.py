"""A factory under test: what its expressions give, what its pipelines do."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.adf.definition import Activity, Pipeline, walk
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding
from reelhouse.adf.reference_check import references_of
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.services import AdfServices
from reelhouse.adf.sql.databases import Databases
from reelhouse.adf.sql.target import SqlTarget
from reelhouse.clock import Clock
from reelhouse.errors import UserError, did_you_mean
from reelhouse.settings import FILE_NAME
from reelhouse.storage.lake import Lake
from reelhouse.testing.fakes import Fake, Fakes
from reelhouse.testing.frozen import FrozenClock, moment
from reelhouse.testing.inputs import evaluated_input
from reelhouse.testing.objects import Given, with_global_parameters, with_objects, with_pipeline
from reelhouse.testing.results import PipelineResult
from reelhouse.testing.scopes import make_scope
from reelhouse.testing.watch import Log, Watch

if TYPE_CHECKING:
    from reelhouse.project import Project
    from reelhouse.testing.steps import Steps

AnyPipeline = str | Mapping[str, Any] | list[Any]
"""A pipeline: its name, its file or its properties as a dictionary, or only its activities."""
Guid = str | Sequence[str] | Callable[[], str] | None


class FactoryUnderTest:
    """What the fixture `factory` is. `definition` is the factory as it was read, `lake` the temporary storage."""

    def __init__(
        self,
        definition: Factory | None = None,
        *,
        state: Path,
        clock: Clock | None = None,
        pipelines: Given = None,
        datasets: Given = None,
        linked_services: Given = None,
        global_parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """`state` is a folder for what the runs leave. Raises `UserError` for objects that are wrong."""
        self.definition = with_objects(
            definition,
            pipelines=pipelines,
            datasets=datasets,
            linked_services=linked_services,
            global_parameters=global_parameters,
        )
        self._state = state
        self._clock = clock
        self._project = _project_of(definition, state)
        self.lake: Lake = self._project.lake if self._project else Lake(state / "lake")

    def close(self) -> None:
        """Stop what runs of this factory started, an engine for instance."""
        if self._project is not None:
            self._project.close()

    def path(self, url: str) -> Path:
        """The local path of an address in the temporary storage; the folder around it exists.

        >>> # factory.path("abfss://raw@account.dfs.core.windows.net/in/a.csv").write_text("a,b")
        """
        path = Path(self.lake.local(url))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def findings(self) -> list[Finding]:
        """What `reelhouse validate` says of the factory: an empty list when all is well."""
        from reelhouse.adf.validate import validate

        return validate(self.definition)

    # -- expressions -----------------------------------------------------------------------------------------

    def evaluate(self, value: Any, *, now: datetime | str | None = None, guid: Guid = None, **state: Any) -> Any:
        """The value of an expression, or of any JSON value with expressions in it, as it would stand in a file.

        The state is what `make_scope` takes: `pipeline` (a name, for its defaults), `parameters`, `variables`,
        `activities` (`{name: {"output": …, "status": …, "error": …}}`), `item`, `trigger`, `global_parameters`,
        `system`, `dataset`, `linked_service`. Raises `ExpressionError`, which points at the place.
        """
        return evaluate(value, self._scope(now, guid, state))

    def evaluate_activity(
        self,
        pipeline: AnyPipeline,
        activity: str,
        *,
        now: datetime | str | None = None,
        guid: Guid = None,
        **state: Any,
    ) -> dict[str, Any]:
        """What one activity would be given in a state: its `typeProperties` with all expressions evaluated, `inputs`,
        `outputs` and `linkedServiceName` with the properties of what they name.

        Raises `UserError` for an unknown activity, `ExpressionError` for an expression that fails.
        """
        definition, name = with_pipeline(self.definition, pipeline)
        known = {item.name: item for item in walk(definition.pipeline(name).activities)}
        if activity not in known:
            raise UserError(f"Pipeline '{name}' has no activity '{activity}'", remedy=did_you_mean(activity, known))
        scope = self._scope(now, guid, {**state, "pipeline": name}, definition)
        return evaluated_input(known[activity], scope, definition)

    def _scope(
        self, now: datetime | str | None, guid: Guid, state: Mapping[str, Any], definition: Factory | None = None
    ) -> Scope:
        clock = self._time(now)
        scope = make_scope(definition or self.definition, clock=clock, **state)
        return replace(scope, guid=_guids(guid) or scope.guid)

    def _time(self, now: datetime | str | None) -> Clock:
        if now is not None:
            return FrozenClock(moment(now))
        return self._clock or FrozenClock(datetime.now(UTC))

    # -- pipelines -------------------------------------------------------------------------------------------

    def run(
        self,
        pipeline: AnyPipeline,
        parameters: Mapping[str, Any] | None = None,
        *,
        fakes: Mapping[str, Fake] | None = None,
        pipelines: Given = None,
        datasets: Given = None,
        linked_services: Given = None,
        global_parameters: Mapping[str, Any] | None = None,
        trigger: Mapping[str, Any] | None = None,
        lake: Lake | Path | str | None = None,
        mirror: str | Path | Sequence[str | Path] = (),
        secrets: Mapping[str, Any] | None = None,
        databases: Mapping[str, Any] | None = None,
        now: datetime | str | None = None,
        guid: Guid = None,
        parallel: bool = False,
        ports: Mapping[str, Any] | None = None,
    ) -> PipelineResult:
        """Run a pipeline to its end. What is in `fakes` is played, everything else is done for real.

        `fakes` has for an activity an output (an object), an error, a function from a `Call` to one of these, or a list
        of these with one for each start (iteration or try). `pipelines`, `datasets` and `linked_services` add objects
        for this run; `trigger` is what started it (`type`, `name`, `id`, `time`).

        `lake` is where storage lies instead of `self.lake`; `mirror` answers HTTP sources from folders (`FOLDER` or
        `URL_PREFIX=FOLDER`); `secrets` are those of key vaults, by name or by vault and name; `databases` stand in for
        linked services of databases, as `[sql]` of reelhouse.toml says it (a URL of SQLAlchemy, or a table with `url`).

        `now` is the time at the start, `guid` what `guid()` gives (a text, texts in turn, a function). Time stands
        still but for waits, which take none. With `parallel` branches and iterations run at the same time, as they do
        on Azure; without, one after another in the order of the definition. `ports` replaces further ports of
        `AdfServices`.

        Raises `UserError` for what can be seen before the run. A run that fails does not raise.
        """
        definition, name = with_pipeline(
            with_objects(
                with_global_parameters(self.definition, global_parameters),
                pipelines=pipelines,
                datasets=datasets,
                linked_services=linked_services,
            ),
            pipeline,
        )
        clock = self._time(now)
        log = Log(clock)
        given = fakes or {}
        reachable = _reachable(definition, name, given)
        watch = Watch(Fakes(given, definition, reachable), log)
        with _Services(self._project, clock, log, _mirrors(mirror)) as services:
            services = replace(
                services,
                lake=_lake(lake, self._project, self.lake),
                stand_in=watch,
                one_at_a_time=not parallel,
                guid=_guids(guid) or services.guid,
                random=random.Random(0),
            )
            if secrets is not None:
                services = replace(services, secrets=_GivenSecrets(secrets))
            if databases is not None:
                services = replace(services, sql=_databases(databases, self._state))
            services = _with_ports(services, ports)
            try:
                done = run_pipeline(definition, name, parameters or {}, services, trigger=trigger)
            finally:
                services.sql.close()
        return watch.result(done, definition.pipelines)

    def step(
        self,
        pipeline: AnyPipeline,
        parameters: Mapping[str, Any] | None = None,
        *,
        global_parameters: Mapping[str, Any] | None = None,
        now: datetime | str | None = None,
        guid: Guid = None,
    ) -> Steps:
        """The beginning of a pipeline, to be gone through by hand: nothing runs, the test says how each activity ended.

        Raises `UserError` for wrong parameters.
        """
        from reelhouse.testing.steps import Steps

        definition, name = with_pipeline(with_global_parameters(self.definition, global_parameters), pipeline)
        return Steps(definition, definition.pipeline(name), parameters or {}, self._time(now), _guids(guid))


class _Services:
    """The ports of one run: those of the project around the factory, or storage and HTTP alone."""

    def __init__(self, project: Project | None, clock: Clock, log: Log, mirrors: Sequence[str]) -> None:
        self._project = project
        self._clock = clock
        self._log = log
        self._mirrors = mirrors

    def __enter__(self) -> AdfServices:
        from reelhouse.adf.http import HttpxSource
        from reelhouse.adf.mirror import Mirror, MirroredSource

        if self._project is not None:
            from reelhouse.wiring import adf_services

            project = self._project
            project.clock, project.mirrors = self._clock, tuple(self._mirrors)
            project.cancel.clear()
            vars(project)["runs"] = self._log
            return adf_services(project)
        self._http = HttpxSource()
        source = MirroredSource([Mirror.parse(text) for text in self._mirrors], self._http)
        return AdfServices(lake=Lake(Path()), runs=self._log, clock=self._clock, http=source)

    def __exit__(self, *_: object) -> None:
        if self._project is None:
            self._http.close()


class _GivenSecrets:
    """Key vaults of a test."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get(self, vault: str, name: str) -> str:
        """The secret, from its vault (an address or its first label) or from any."""
        label = vault.removeprefix("https://").partition(".")[0]
        for key in (vault, vault.rstrip("/"), label):
            found = self._values.get(key)
            if isinstance(found, Mapping) and name in found:
                return str(found[name])
        if isinstance(self._values.get(name), str):
            return str(self._values[name])
        raise UserError(
            f"The test gives no secret '{name}' of the key vault '{vault}'", remedy=did_you_mean(name, self._values)
        )


def _project_of(factory: Factory | None, state: Path) -> Project | None:
    """The project around a factory's folder, with its state elsewhere; None where the folder stands alone."""
    if factory is None:
        return None
    root = factory.folder.absolute().parent
    if not (root / FILE_NAME).is_file() and factory.folder.name != "adf":
        return None
    from reelhouse.project import Project

    return Project.open(root, state=state)


def _lake(given: Lake | Path | str | None, project: Project | None, own: Lake) -> Lake:
    if given is None:
        return own
    if isinstance(given, Lake):
        return given
    if project is None:
        return Lake(Path(given))
    overlays = {url: project.root / folder for url, folder in project.settings.overlays.items()}
    return Lake(Path(given), overlays=overlays, mounts=project.settings.mounts)


def _databases(given: Mapping[str, Any], folder: Path) -> Databases:
    targets = {key: {"url": value} if isinstance(value, str) else value for key, value in given.items()}
    return Databases({key: SqlTarget.model_validate(value) for key, value in targets.items()}, folder)


def _mirrors(given: str | Path | Sequence[str | Path]) -> list[str]:
    return [str(given)] if isinstance(given, str | Path) else [str(item) for item in given]


def _with_ports(services: AdfServices, ports: Mapping[str, Any] | None) -> AdfServices:
    known = [field.name for field in fields(services)]
    for name in ports or {}:
        if name not in known:
            raise UserError(f"A run of a pipeline has no port '{name}'", remedy=did_you_mean(name, known))
    return replace(services, **(ports or {}))


def _guids(given: Guid) -> Callable[[], str] | None:
    if given is None or callable(given):
        return given
    if isinstance(given, str):
        return lambda: given
    turn = count()

    def following() -> str:
        index = next(turn)
        if index >= len(given):
            raise AssertionError(f"guid() was called more often than the test gives texts ({len(given)})")
        return given[index]

    return following


def _reachable(factory: Factory, name: str, fakes: Mapping[str, Any]) -> list[Pipeline]:
    """The pipeline and all that it may start, as far as the factory has them."""
    found: dict[str, Pipeline] = {}
    names = [name]
    while names:
        current = names.pop(0)
        if current in found or (current != name and current not in factory.pipelines):
            continue
        found[current] = factory.pipeline(current)
        names.extend(_started_by(found[current].activities))
    return list(found.values())


def _started_by(activities: Sequence[Activity]) -> Iterator[str]:
    for activity in walk(activities):
        for reference in references_of(activity):
            if reference.type == "PipelineReference":
                yield reference.name
