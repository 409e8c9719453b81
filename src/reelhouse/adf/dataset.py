"""From a reference to a dataset to the place it means. Each level sees only its own parameters: the pipeline's
expression gives the dataset's, the dataset's gives the linked service's.

https://learn.microsoft.com/azure/data-factory/concepts-datasets-linked-services and
https://learn.microsoft.com/azure/data-factory/parameterize-linked-services
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from reelhouse.adf.access.access import Access
from reelhouse.adf.access.service import http_access, rest_access, verifies
from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.definition import LinkedService, Reference, read_reference
from reelhouse.adf.expression.evaluate import evaluate, is_expression
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked
from reelhouse.adf.movement.compression import codec_named
from reelhouse.adf.parameters import bind
from reelhouse.adf.settings import (
    DATASET_SETTINGS,
    LINKED_SERVICE_SETTINGS,
    LOCATIONS,
    AzureBlobFS,
    AzureBlobFSLocation,
    AzureBlobStorage,
    AzureBlobStorageLocation,
    AzureKeyVault,
    DelimitedText,
    HttpServer,
    HttpServerLocation,
    Location,
    RestResource,
    RestService,
    Settings,
)
from reelhouse.adf.settings.sql import SqlService, SqlTableSettings
from reelhouse.adf.sql.databases import Database
from reelhouse.adf.sql.names import table_names
from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.storage.urls import ContainerPath

_ACCOUNT_URL = re.compile(r"https?://([^./]+)\.(?:dfs|blob)\.[^/]+/?(?:([^?/]+))?.*")
_ACCOUNT_NAME = re.compile(r"(?:^|;)\s*AccountName\s*=\s*([^;]+)", re.IGNORECASE)
_ENDPOINT = re.compile(r"(?:^|;)\s*BlobEndpoint\s*=\s*([^;]+)", re.IGNORECASE)


@dataclass(frozen=True)
class LakeFile:
    """A folder or file of the lake. `file` is None for a folder; no part has slashes at its ends."""

    account: str
    container: str
    folder: str
    file: str | None

    def url(self, path: str | None = None) -> str:
        """The address of `path` below the container; of the dataset itself without one."""
        if path is None:
            path = "/".join(part for part in (self.folder, self.file) if part)
        return str(ContainerPath(self.account, self.container, path)).rstrip("/")


@dataclass(frozen=True)
class HttpFile:
    """A file behind a URL."""

    url: str
    access: Access = field(default_factory=Access)
    verify: bool = True

    @property
    def file(self) -> str:
        return self.url.partition("?")[0].rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class RestEndpoint:
    """What answers with JSON. `base` is the URL of the linked service, `relative` that of the dataset."""

    base: str
    relative: str = ""
    access: Access = field(default_factory=Access)
    verify: bool = True

    @property
    def url(self) -> str:
        """The URL of the first request."""
        return join_url(self.base, self.relative)


@dataclass(frozen=True)
class SqlTable:
    """A table of a database. `table` is empty where only a query is read."""

    database: Database
    schema: str = ""
    table: str = ""

    @property
    def url(self) -> str:
        """What it is called in records: the linked service and the table, never the address."""
        return ".".join(part for part in (self.database.service, self.schema, self.table) if part)


def join_url(base: str, relative: str) -> str:
    """`[URL of the linked service]/[relative URL of the dataset]`. A query of its own follows at once."""
    if not relative:
        return base
    if relative.startswith("?"):
        return base + relative
    return f"{base.rstrip('/')}/{relative.lstrip('/')}"


@dataclass(frozen=True)
class OpenDataset:
    """A dataset with all its values. `settings` hold evaluated values."""

    name: str
    type: str
    place: Place
    settings: Settings
    location: LakeFile | HttpFile | RestEndpoint | SqlTable


def open_dataset(ctx: ActivityContext, raw: Any, place: Place) -> OpenDataset:
    """What a reference (its JSON, or read already) means in the scope of an activity. Raises `UserError`."""
    reference = raw if isinstance(raw, Reference) else _reference(raw, place)
    dataset = ctx.run.factory.dataset(reference.name, reference.place)
    if dataset.settings is None or dataset.linked_service is None:
        raise Unsupported(
            f"Datasets of type '{dataset.type}' are not supported",
            where=dataset.place.at("type"),
            remedy=f"Supported: {', '.join(sorted(DATASET_SETTINGS))}.",
        )
    given = evaluate(dict(reference.parameters), ctx.scope, reference.place.at("parameters"))
    values = bind(dataset.parameters, given, f"Dataset '{dataset.name}'", reference.place)
    scope = _own_scope(ctx, dataset=values)
    spot = dataset.place.at("typeProperties")
    evaluated = evaluate(dict(dataset.raw), scope, spot)
    settings = _model(DATASET_SETTINGS[dataset.type], evaluated, spot, f"Dataset '{dataset.name}'")
    if isinstance(settings, RestResource):
        service, service_settings = open_linked_service(ctx, dataset.linked_service, scope)
        endpoint = _rest_endpoint(ctx, settings, service, service_settings)
        return OpenDataset(dataset.name, dataset.type, dataset.place, settings, endpoint)
    if isinstance(settings, SqlTableSettings):
        database = open_database(ctx, dataset.linked_service, scope)
        schema, name = table_names(settings, spot)
        table = SqlTable(database, schema, name)
        return OpenDataset(dataset.name, dataset.type, dataset.place, settings, table)
    check_compression(settings, spot)
    location = _location(evaluated["location"], spot.at("location"))
    service, service_settings = open_linked_service(ctx, dataset.linked_service, scope)
    if isinstance(location, HttpServerLocation):
        where: LakeFile | HttpFile = _http_file(ctx, location, service, service_settings)
    else:
        where = _lake_file(ctx, location, service, service_settings, spot.at("location"))
    return OpenDataset(dataset.name, dataset.type, dataset.place, settings, where)


def check_compression(settings: Settings, place: Place) -> None:
    """Raises `Unsupported` for a dataset whose files are compressed in a way that is not read here."""
    raw, spot = getattr(settings, "compression", None), place.at("compression")
    if isinstance(settings, DelimitedText):
        raw, spot = settings.compression_codec, place.at("compressionCodec")
    name = raw.get("type") if isinstance(raw, Mapping) else raw
    if not (isinstance(name, str) and "@" in name) and not is_expression(name):
        codec_named(name, spot)


def open_linked_service(ctx: ActivityContext, reference: Reference, scope: Scope) -> tuple[LinkedService, Settings]:
    """A linked service and its evaluated settings. Secrets in them are still references. Raises `UserError`."""
    service = ctx.run.factory.linked_service(reference.name, reference.place)
    if service.settings is None:
        raise Unsupported(
            f"Linked services of type '{service.type}' are not supported",
            where=service.place.at("type"),
            remedy=f"Supported: {', '.join(sorted(LINKED_SERVICE_SETTINGS))}.",
        )
    given = evaluate(dict(reference.parameters), scope, reference.place.at("parameters"))
    values = bind(service.parameters, given, f"Linked service '{service.name}'", reference.place)
    spot = service.place.at("typeProperties")
    evaluated = evaluate(dict(service.raw), _own_scope(ctx, linked_service=values), spot)
    return service, _model(LINKED_SERVICE_SETTINGS[service.type], evaluated, spot, f"Linked service '{service.name}'")


def open_database(ctx: ActivityContext, reference: Reference, scope: Scope) -> Database:
    """The database that stands in for a linked service. Raises `UserError`."""
    service, settings = open_linked_service(ctx, reference, scope)
    if not isinstance(settings, SqlService):
        raise UserError(f"The linked service '{service.name}' ({service.type}) is no database", where=service.place)
    database = ctx.services.sql.find(service.name, service.type, settings, service.place)
    for known in database.secrets():
        ctx.run.masker.add(known)
    return database


def secret(ctx: ActivityContext, raw: Any, place: Place) -> str:
    """The text of a secret: a SecureString, or a reference to a key vault. It is masked in all records from now on."""
    if isinstance(raw, str):
        return ctx.run.masker.add(raw)
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if kind == "SecureString":
        return ctx.run.masker.add(text(raw.get("value")))
    if kind != "AzureKeyVaultSecret":
        raise UserError("This is neither a SecureString nor an AzureKeyVaultSecret", where=place)
    if raw.get("secretVersion"):
        raise Unsupported("The version of a secret cannot be chosen", where=place.at("secretVersion"))
    vault, settings = open_linked_service(ctx, _reference(raw.get("store"), place.at("store")), ctx.scope)
    if not isinstance(settings, AzureKeyVault):
        raise UserError(f"The linked service '{vault.name}' is no key vault", where=place.at("store"))
    return ctx.run.masker.add(ctx.services.secrets.get(text(settings.base_url), text(raw.get("secretName"))))


def _reference(raw: Any, place: Place) -> Reference:
    findings: list[Finding] = []
    reference = read_reference(raw, place, findings)
    if reference is None:
        raise findings[0].error()
    return reference


def _own_scope(ctx: ActivityContext, **names: Any) -> Scope:
    empty = Scope(clock=ctx.scope.clock, guid=ctx.scope.guid, random=ctx.scope.random)
    return replace(empty, **names)


def _model(kind: type[Settings], raw: Any, place: Place, of: str) -> Settings:
    findings: list[Finding] = []
    model = checked(kind, raw, place, of, findings)
    if model is None:
        raise findings[0].error()
    return model


def _location(raw: Any, place: Place) -> Location:
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if kind not in LOCATIONS:
        raise Unsupported(
            f"Locations of type '{kind}' are not supported",
            where=place.at("type"),
            remedy=f"Supported: {', '.join(sorted(LOCATIONS))}.",
        )
    model = _model(LOCATIONS[kind], raw, place, f"A location ({kind})")
    assert isinstance(model, Location)
    return model


def _http_file(
    ctx: ActivityContext, location: HttpServerLocation, service: LinkedService, settings: Settings
) -> HttpFile:
    if not isinstance(settings, HttpServer):
        raise UserError(
            f"The linked service '{service.name}' ({service.type}) has no HTTP location", where=service.place
        )
    spot = service.place.at("typeProperties")
    access = http_access(ctx, settings, spot, partial(secret, ctx))
    return HttpFile(join_url(text(settings.url), text(location.relative_url)), access, verifies(settings))


def _rest_endpoint(
    ctx: ActivityContext, dataset: RestResource, service: LinkedService, settings: Settings
) -> RestEndpoint:
    if not isinstance(settings, RestService):
        raise UserError(f"The linked service '{service.name}' ({service.type}) is no REST service", where=service.place)
    access = rest_access(ctx, settings, service.place.at("typeProperties"), partial(secret, ctx))
    return RestEndpoint(text(settings.url), text(dataset.relative_url), access, verifies(settings))


def _lake_file(
    ctx: ActivityContext, location: Location, service: LinkedService, settings: Settings, place: Place
) -> LakeFile:
    if isinstance(location, AzureBlobFSLocation):
        container, key = location.file_system, "fileSystem"
    else:
        assert isinstance(location, AzureBlobStorageLocation)
        container, key = location.container, "container"
    account, own_container = account_of(ctx, service, settings)
    name = text(container).strip("/") or own_container
    folder = text(location.folder_path).strip("/")
    if not name:
        # Without a file system the first part of the folder names it.
        name, _, folder = folder.partition("/")
    if not name:
        raise UserError(f"The location names no {key}", where=place.at(key))
    if "/" in name:
        # Templates of the gallery put folders behind the file system, which the service takes.
        name, _, above = name.partition("/")
        folder = f"{above}/{folder}".strip("/")
    file = text(location.file_name).strip("/") or None
    if any(part == ".." for part in f"{folder}/{file or ''}".split("/")):
        raise UserError(f"The path '{folder}/{file or ''}' leaves its container", where=place)
    return LakeFile(account, name, folder, file)


def account_of(ctx: ActivityContext, service: LinkedService, settings: Settings) -> tuple[str, str]:
    """The storage account of a linked service, and the container when its URL names one.

    Where only a secret names the account, the secret is read. Raises `UserError`.
    """
    if not isinstance(settings, AzureBlobFS):
        raise UserError(
            f"The linked service '{service.name}' ({service.type}) has no lake location", where=service.place
        )
    place = service.place.at("typeProperties")
    found = _account(settings)
    for name, key in (("connection_string", "connectionString"), ("sas_uri", "sasUri")):
        raw = getattr(settings, name, None)
        if found is None and isinstance(raw, Mapping):
            found = _account(settings.model_copy(update={name: secret(ctx, raw, place.at(key))}))
    if found is None:
        raise UserError(
            "The linked service names no storage account",
            where=place,
            remedy="Give url (https://<account>.dfs.core.windows.net), serviceEndpoint or connectionString.",
        )
    return found


def _account(settings: AzureBlobFS) -> tuple[str, str] | None:
    """The storage account, and the container when the URL names one, as far as no secret has to be read."""
    candidates = [settings.url, settings.sas_uri]
    if isinstance(settings, AzureBlobStorage):
        connection = settings.connection_string if isinstance(settings.connection_string, str) else ""
        if match := _ACCOUNT_NAME.search(connection):
            return match[1].strip(), ""
        endpoint = _ENDPOINT.search(connection)
        candidates += [settings.service_endpoint, settings.container_uri, endpoint[1] if endpoint else None]
    for candidate in candidates:
        if isinstance(candidate, str) and (match := _ACCOUNT_URL.fullmatch(candidate.strip())):
            return match[1], match[2] or ""
    return None


def inline_location(ctx: ActivityContext, reference: Reference, container: str, folder: str, file: str) -> LakeFile:
    """A place in the lake that is named beside its linked service, not by a dataset. Raises `UserError`."""
    service, settings = open_linked_service(ctx, reference, _own_scope(ctx))
    raw = {"type": "AzureBlobFSLocation", "fileSystem": container, "folderPath": folder, "fileName": file}
    location = _location(raw, reference.place)
    return _lake_file(ctx, location, service, settings, reference.place)
