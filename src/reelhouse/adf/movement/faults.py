"""Rows that do not fit: they fail a Copy, or are skipped, counted and written to its log.

https://learn.microsoft.com/azure/data-factory/copy-activity-fault-tolerance and
https://learn.microsoft.com/azure/data-factory/copy-activity-log
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from reelhouse.adf.activity.context import ActivityContext, as_boolean, wrong
from reelhouse.adf.dataset import account_of, open_linked_service
from reelhouse.adf.definition import read_reference
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.evaluate import is_expression
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import put_whole
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.settings import Copy
from reelhouse.adf.settings.files import LogLevelSettings, LogLocation, LogSettings
from reelhouse.errors import Place
from reelhouse.storage.urls import ContainerPath

LEVELS = ("Warning", "Info")
_HEADER = ("Timestamp", "Level", "OperationName", "OperationItem", "Message")


def check_faults(settings: Copy, place: Place, findings: list[Finding]) -> None:
    """What can be seen of the settings of logs before the run."""
    for name, raw, model in (
        ("logSettings", settings.log_settings, LogSettings),
        ("logStorageSettings", settings.log_storage_settings, LogLocation),
        ("redirectIncompatibleRowSettings", settings.redirect_incompatible_row_settings, LogLocation),
    ):
        if raw is None or isinstance(raw, str) or (isinstance(raw, Mapping) and is_expression(raw)):
            continue
        found = checked(model, raw, place.at(name), f"'{name}'", findings)
        if isinstance(found, LogSettings):
            spot = place.at(name)
            if isinstance(found.copy_activity_log_settings, Mapping):
                levels = found.copy_activity_log_settings
                checked(LogLevelSettings, levels, spot.at("copyActivityLogSettings"), "The settings of a log", findings)
            if isinstance(found.log_location_settings, Mapping):
                where = found.log_location_settings
                checked(LogLocation, where, spot.at("logLocationSettings"), "The location of a log", findings)
            elif found.enable_copy_activity_log is not False:
                findings.append(problem(spot, "'logSettings' lack the property 'logLocationSettings'"))


@dataclass
class Faults:
    """What happens to bad rows, and what the log gets."""

    enabled: bool = False
    level: str = "Warning"
    count: int = 0
    log: BinaryIO | None = None
    log_path: str | None = None
    redirect: BinaryIO | None = None
    redirect_path: str | None = None
    now: Any = None

    def add(self, row: Mapping[str, Any], code: str, message: str) -> None:
        """Skip a row, or raise `ActivityFailed` where bad rows are not tolerated."""
        if not self.enabled:
            raise ActivityFailed("2200", f"ErrorCode={code},{message}")
        self.count += 1
        values = [text(value) for value in row.values()]
        self.note("Warning", "TabularRowSkip", _line(values).strip(), message)
        if self.redirect is not None:
            self.redirect.write(_line([*values, code, message]).encode())

    def note(self, level: str, operation: str, item: str, message: str) -> None:
        """One line of the log; lines of level Info only where asked for."""
        if self.log is not None and (level == "Warning" or self.level == "Info"):
            stamp = f"{self.now():%Y-%m-%d %H:%M:%S.%f}0"
            self.log.write(_line([stamp, level, operation, item, message]).encode())

    def output(self) -> dict[str, Any]:
        """The output fields that tell where the logs are."""
        found = {}
        if self.log_path is not None:
            found["logFilePath"] = self.log_path
        if self.redirect_path is not None:
            found["redirectRowPath"] = self.redirect_path
        return found


def _line(values: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return buffer.getvalue()


@contextmanager
def open_faults(ctx: ActivityContext, settings: Copy) -> Iterator[Faults]:
    """The faults of a Copy. Logs appear whole when the block ends, the one of a copy that failed too."""
    place = ctx.properties
    enabled = as_boolean(ctx, ctx.value(settings.enable_skip_incompatible_row or False), "enableSkipIncompatibleRow")
    faults = Faults(enabled, now=ctx.services.clock.now)
    failure: BaseException | None = None
    with ExitStack() as stack:
        where = _log_location(ctx, settings, faults)
        if where is not None:
            location, spot = where
            folder, shown = _folder(ctx, location, spot)
            own = f"copyactivity-logs/{ctx.activity.name}/{ctx.run_id}"
            faults.log = stack.enter_context(put_whole(folder / own / f"{uuid.uuid4()}.txt"))
            faults.log.write(_line(list(_HEADER)).encode())
            faults.log_path = f"{shown}/{own}/"
        if enabled and settings.redirect_incompatible_row_settings:
            spot = place.at("redirectIncompatibleRowSettings")
            raw = ctx.value(settings.redirect_incompatible_row_settings, "redirectIncompatibleRowSettings")
            folder, shown = _folder(ctx, _model(LogLocation, raw, spot), spot)
            name = f"{ctx.run_id}/{uuid.uuid4()}.csv"
            faults.redirect = stack.enter_context(put_whole(folder / name))
            faults.redirect_path = f"{shown}/{name}"
        try:
            yield faults
        except ActivityFailed as error:
            failure = error
    if failure is not None:
        raise failure


def _log_location(ctx: ActivityContext, settings: Copy, faults: Faults) -> tuple[LogLocation, Place] | None:
    if settings.log_settings:
        place = ctx.properties.at("logSettings")
        log = _model(LogSettings, ctx.value(settings.log_settings, "logSettings"), place)
        if not as_boolean(ctx, log.enable_copy_activity_log, "enableCopyActivityLog"):
            return None
        levels = _model(LogLevelSettings, log.copy_activity_log_settings or {}, place.at("copyActivityLogSettings"))
        faults.level = _level(ctx, levels.log_level)
        spot = place.at("logLocationSettings")
        return _model(LogLocation, log.log_location_settings, spot), spot
    if settings.log_storage_settings:
        place = ctx.properties.at("logStorageSettings")
        legacy = _model(LogLocation, ctx.value(settings.log_storage_settings, "logStorageSettings"), place)
        faults.level = _level(ctx, legacy.log_level)
        return legacy, place
    return None


def _level(ctx: ActivityContext, value: Any) -> str:
    for known in LEVELS:
        if known.lower() == text(value).lower():
            return known
    raise wrong(ctx, f"'{text(value)}' is no logLevel. Known: {', '.join(LEVELS)}.")


def _folder(ctx: ActivityContext, location: LogLocation, place: Place) -> tuple[Path, str]:
    """The local folder of a log, and its path with the container."""
    findings: list[Finding] = []
    reference = read_reference(location.linked_service_name, place.at("linkedServiceName"), findings)
    if reference is None:
        raise findings[0].error()
    service, settings = open_linked_service(ctx, reference, ctx.scope)
    account, own = account_of(ctx, service, settings)
    path = "/".join(part for part in (own, text(location.path).strip("/")) if part)
    container, _, rest = path.partition("/")
    if not container or ".." in rest.split("/"):
        raise wrong(ctx, f"The path of a log begins with a container, it is '{path}'")
    return Path(ctx.services.lake.local(str(ContainerPath(account, container, rest)))), path


def _model(model: Any, raw: Any, place: Place) -> Any:
    findings: list[Finding] = []
    found = checked(model, raw, place, "The setting", findings)
    if found is None:
        raise findings[0].error()
    return found
