"""Documented limits of activities: times, counts, and kinds that belong together. Only what is written is checked; a
value that an expression gives is checked when it is there.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities and the page of each activity
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from reelhouse.adf.activity.context import parse_time_span
from reelhouse.adf.activity.web import METHODS
from reelhouse.adf.definition import Activity, Dataset
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, problem, warning
from reelhouse.adf.loop_check import check_loop
from reelhouse.adf.movement.registry import DATASETS, SOURCES
from reelhouse.adf.settings import (
    CONTROL_TYPES,
    DATASET_SETTINGS,
    Copy,
    DatabricksNotebook,
    Delete,
    ForEach,
    GetMetadata,
    Lookup,
    Switch,
    Until,
    Validation,
    Wait,
    WebActivity,
    WebHook,
)
from reelhouse.errors import Place, did_you_mean

MAX_CASES = 25
MAX_BATCH = 50
MAX_USER_PROPERTIES = 5
MAX_ACTIVITY_TIME = timedelta(days=7)
MIN_ACTIVITY_TIME = timedelta(minutes=10)
MAX_UNTIL_TIME = timedelta(days=90)
WEB_TIME = (timedelta(minutes=1), timedelta(minutes=10))
_ROWS_OF = {
    **{kind: source for source, kinds in DATASETS.items() if source in SOURCES for kind in kinds},
    "RestResource": "RestSource",
}
_LOCATION = "Location"


def check_limits(factory: Factory, activity: Activity) -> Iterator[Finding]:
    """What an activity has too much or too little of, or what does not fit together in it."""
    yield from _policy(activity)
    if len(activity.user_properties) > MAX_USER_PROPERTIES:
        yield warning(
            activity.place.at("userProperties"),
            f"{len(activity.user_properties)} user properties are more than the {MAX_USER_PROPERTIES} that are shown",
        )
    settings, place = activity.settings, activity.properties
    match settings:
        case Wait():
            yield from _whole(settings.wait_time_in_seconds, place.at("waitTimeInSeconds"), least=1)
        case Until():
            yield from _time(settings.timeout, place.at("timeout"), most=MAX_UNTIL_TIME)
        case Validation():
            yield from _time(settings.timeout, place.at("timeout"), most=MAX_ACTIVITY_TIME)
            yield from _whole(settings.sleep, place.at("sleep"), least=1)
            yield from _whole(settings.minimum_size, place.at("minimumSize"), least=0)
        case ForEach():
            yield from _whole(settings.batch_count, place.at("batchCount"), least=1, most=MAX_BATCH)
            if not activity.branches["body"]:
                yield problem(place.at("activities"), f"The ForEach '{activity.name}' has no activities")
            yield from check_loop(activity)
        case Switch():
            yield from _cases(settings, place.at("cases"))
        case WebActivity():
            yield from _web(settings, place)
        case WebHook():
            yield from _time(settings.timeout, place.at("timeout"), most=MAX_ACTIVITY_TIME)
        case DatabricksNotebook():
            path = settings.notebook_path
            if _is_written(path) and not str(path).startswith("/"):
                yield problem(place.at("notebookPath"), f"The path '{path}' of the notebook does not begin with '/'")
        case Copy():
            if activity.inputs:
                name = activity.inputs[0].name
                yield from _store(factory, name, settings.source, "Read", place.at("source"))
            if activity.outputs:
                name = activity.outputs[0].name
                yield from _store(factory, name, settings.sink, "Write", place.at("sink"))
        case Lookup():
            yield from _rows(factory, settings, place.at("source").at("type"))
            yield from _store(factory, _dataset_name(settings.dataset), settings.source, "Read", place.at("source"))
        case GetMetadata():
            yield from _metadata(factory, settings, place.at("fieldList"))
            stored = {"storeSettings": settings.store_settings}
            yield from _store(factory, _dataset_name(settings.dataset), stored, "Read", place)
        case Delete():
            stored = {"storeSettings": settings.store_settings}
            yield from _store(factory, _dataset_name(settings.dataset), stored, "Read", place)


def _policy(activity: Activity) -> Iterator[Finding]:
    place, policy = activity.place.at("policy"), activity.policy
    if activity.type in CONTROL_TYPES:
        if activity.has_policy and (policy.timeout is not None or policy.retry):
            yield warning(place, f"A {activity.type} has no timeout and no retry on Azure ('{activity.name}')")
        return
    if policy.timeout is not None:
        yield from _time(policy.timeout, place.at("timeout"), most=MAX_ACTIVITY_TIME)
        span = parse_time_span(policy.timeout)
        if span is not None and span < MIN_ACTIVITY_TIME:
            yield warning(place.at("timeout"), f"'{policy.timeout}' is less than 10 minutes, the least on Azure")
    yield from _whole(policy.retry, place.at("retry"), least=0)
    if not 30 <= policy.retry_interval <= 86_400:
        yield warning(place.at("retryIntervalInSeconds"), f"{policy.retry_interval} is outside of 30 to 86400 seconds")


def _cases(settings: Switch, place: Place) -> Iterator[Finding]:
    if len(settings.cases) > MAX_CASES:
        yield problem(place, f"A Switch has {MAX_CASES} cases at most, this one has {len(settings.cases)}")
    values = [case.get("value") if isinstance(case, Mapping) else None for case in settings.cases]
    for index, value in enumerate(values):
        if value is not None and value in values[:index]:
            yield problem(place.at(index).at("value"), f"There are two cases '{value}'")


def _web(settings: WebActivity, place: Place) -> Iterator[Finding]:
    method = settings.method
    if _is_written(method):
        if str(method).upper() not in METHODS:
            remedy = did_you_mean(str(method), METHODS)
            yield problem(place.at("method"), f"'{method}' is no method of a WebActivity", remedy)
        elif str(method).upper() in ("POST", "PUT", "PATCH") and settings.body is None:
            yield problem(place, f"A {str(method).upper()} needs a body", "Give body.")
    least, most = WEB_TIME
    yield from _time(settings.http_request_timeout, place.at("httpRequestTimeout"), least=least, most=most)


def _rows(factory: Factory, settings: Lookup, place: Place) -> Iterator[Finding]:
    """The source of rows is that of the dataset's format."""
    kind = settings.source.get("type")
    dataset = _dataset(factory, _dataset_name(settings.dataset))
    if dataset is None or dataset.type not in DATASET_SETTINGS or kind not in (*_ROWS_OF.values(), *DATASETS):
        return  # said where the reference or the source is checked
    fitting = _ROWS_OF.get(dataset.type)
    if fitting == kind or dataset.type in DATASETS.get(str(kind), ()):
        return
    remedy = f"Use {fitting}." if fitting else f"Datasets of rows are {', '.join(_ROWS_OF)}."
    yield problem(place, f"A {kind} does not fit the {dataset.type} dataset '{dataset.name}'", remedy)


def _metadata(factory: Factory, settings: GetMetadata, place: Place) -> Iterator[Finding]:
    if not settings.field_list:
        yield problem(place, "GetMetadata asks for no field", "Name at least one in fieldList.")
    dataset = _dataset(factory, _dataset_name(settings.dataset))
    for index, name in enumerate(settings.field_list):
        if dataset is not None and dataset.type in ("Binary", "Json") and name in ("structure", "columnCount"):
            yield problem(place.at(index), f"The {dataset.type} dataset '{dataset.name}' has no '{name}'")


def _store(factory: Factory, name: Any, owner: Mapping[str, Any], use: str, place: Place) -> Iterator[Finding]:
    """Store settings are those of the dataset's location: AzureBlobFSLocation has AzureBlobFSReadSettings."""
    dataset, settings = _dataset(factory, name), owner.get("storeSettings")
    location = dataset.raw.get("location") if dataset is not None else None
    where = location.get("type") if isinstance(location, Mapping) else None
    kind = settings.get("type") if isinstance(settings, Mapping) else None
    if not isinstance(where, str) or not where.endswith(_LOCATION) or not isinstance(kind, str):
        return
    store = where.removesuffix(_LOCATION)
    if store != "FileServer":  # the settings of an HttpServerLocation are HttpReadSettings, those of Ftp likewise
        store = store.removesuffix("Server")
    fitting = f"{store}{use}Settings"
    if kind != fitting and kind.endswith("Settings") and not (use == "Write" and store == "Http"):
        yield problem(
            place.at("storeSettings").at("type"),
            f"{kind} do not fit the dataset '{name}', whose location is of type {where}",
            f"Use {fitting}.",
        )


def _time(value: Any, place: Place, *, least: timedelta = timedelta(), most: timedelta) -> Iterator[Finding]:
    if not _is_written(value):
        return
    span = parse_time_span(value)
    if span is None:
        yield problem(place, f"'{value}' is no time span", "Write it as d.hh:mm:ss.")
    elif not least <= span <= most:
        low = f"between {_in_words(least)} and " if least else "at most "
        yield problem(place, f"The time is '{value}', and has to be {low}{_in_words(most)}")


def _whole(value: Any, place: Place, *, least: int, most: int | None = None) -> Iterator[Finding]:
    if not _is_written(value):
        return
    name = place.path.rpartition(".")[2]
    text = str(value).strip()
    number = int(text) if text.lstrip("+-").isdigit() and not isinstance(value, bool) else None
    if number is None or number < least or (most is not None and number > most):
        wanted = f"of at least {least}" if most is None else f"between {least} and {most}"
        yield problem(place, f"'{name}' is {value!r}, and has to be a whole number {wanted}")


def _in_words(span: timedelta) -> str:
    if span.days:
        return f"{span.days} days"
    minutes = span.seconds // 60
    return f"{minutes} minute{'s' * (minutes != 1)}"


def _is_written(value: Any) -> bool:
    """Whether a value is there as such, neither absent nor an expression."""
    return isinstance(value, int | float) or (isinstance(value, str) and "@" not in value)


def _dataset_name(raw: Any) -> Any:
    return raw.get("referenceName") if isinstance(raw, Mapping) else None


def _dataset(factory: Factory, name: Any) -> Dataset | None:
    return factory.datasets.get(name) if isinstance(name, str) else None
