"""HTTP: calls, files behind URLs, and what keeps their secrets.

https://learn.microsoft.com/azure/data-factory/control-flow-web-activity,
https://learn.microsoft.com/azure/data-factory/control-flow-webhook-activity,
https://learn.microsoft.com/azure/data-factory/control-flow-azure-function-activity and
https://learn.microsoft.com/azure/data-factory/connector-http
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reelhouse.adf.settings.base import Settings
from reelhouse.adf.settings.files import Location, ReadSettings


class WebAuthentication(Settings):
    """The names of the page (tenant, servicePrincipalId, servicePrincipalKey) and those of the SDK are both found."""

    type: Any = None
    username: Any = None
    password: Any = None
    pfx: Any = None
    resource: Any = None
    user_tenant: Any = None
    tenant: Any = None
    service_principal_id: Any = None
    service_principal_key: Any = None
    credential: Any = None


class WebActivity(Settings):
    method: Any
    url: Any
    headers: Any = Field(default_factory=dict)
    body: Any = None
    authentication: WebAuthentication | None = None
    disable_cert_validation: Any = False
    http_request_timeout: Any = "00:01:00"
    turn_off_async: Any = False
    datasets: list[Any] = Field(default_factory=list)
    linked_services: list[Any] = Field(default_factory=list)
    connect_via: Any = None


class WebHook(Settings):
    method: Any
    url: Any
    timeout: Any = "00:10:00"
    headers: Any = Field(default_factory=dict)
    body: Any = None
    authentication: WebAuthentication | None = None
    report_status_on_call_back: Any = False


class AzureFunctionActivity(Settings):
    method: Any = None
    function_name: Any = None
    headers: Any = Field(default_factory=dict)
    body: Any = None


class AzureFunction(Settings):
    function_app_url: Any
    function_key: Any = None
    encrypted_credential: Any = None
    authentication: Any = None
    resource_id: Any = None
    credential: Any = None


class HttpServer(Settings):
    url: Any
    authentication_type: Any = "Anonymous"
    user_name: Any = None
    password: Any = None
    embedded_cert_data: Any = None
    cert_thumbprint: Any = None
    enable_server_certificate_validation: Any = True
    encrypted_credential: Any = None
    auth_headers: Any = None


class AzureKeyVault(Settings):
    base_url: Any
    credential: Any = None


class HttpReadSettings(ReadSettings):
    request_method: Any = "GET"
    request_body: Any = None
    additional_headers: Any = None
    request_timeout: Any = "00:01:40"
    enable_partition_discovery: Any = False
    additional_columns: Any = None


class HttpServerLocation(Location):
    relative_url: Any = None


ACTIVITIES: dict[str, type[Settings]] = {
    model.__name__: model for model in (WebActivity, WebHook, AzureFunctionActivity)
}
LINKED_SERVICES: dict[str, type[Settings]] = {
    model.__name__: model for model in (HttpServer, AzureFunction, AzureKeyVault)
}
LOCATIONS: dict[str, type[Location]] = {model.__name__: model for model in (HttpServerLocation,)}
READ_SETTINGS: dict[str, type[ReadSettings]] = {model.__name__: model for model in (HttpReadSettings,)}
