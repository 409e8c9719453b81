"""REST endpoints as sources and sinks.

https://learn.microsoft.com/azure/data-factory/connector-rest
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.settings.base import CopySink, CopySource, Settings


class RestService(Settings):
    url: Any
    authentication_type: Any = "Anonymous"
    enable_server_certificate_validation: Any = True
    user_name: Any = None
    password: Any = None
    auth_headers: Any = None
    service_principal_id: Any = None
    service_principal_key: Any = None
    service_principal_credential_type: Any = None
    service_principal_embedded_cert: Any = None
    service_principal_embedded_cert_password: Any = None
    tenant: Any = None
    azure_cloud_type: Any = None
    aad_resource_id: Any = None
    client_id: Any = None
    client_secret: Any = None
    token_endpoint: Any = None
    resource: Any = None
    scope: Any = None
    encrypted_credential: Any = None
    credential: Any = None


class RestResource(Settings):
    """All but the relative URL is the model of before; the source of an activity beats it."""

    relative_url: Any = None
    request_method: Any = None
    request_body: Any = None
    additional_headers: Any = None
    pagination_rules: Any = None


class RestSource(CopySource):
    request_method: Any = None
    request_body: Any = None
    additional_headers: Any = None
    pagination_rules: Any = None
    http_request_timeout: Any = "00:01:40"
    request_interval: Any = "00:00:01"
    additional_columns: Any = None


class RestSink(CopySink):
    request_method: Any = "POST"
    additional_headers: Any = None
    http_request_timeout: Any = "00:01:40"
    request_interval: Any = 10
    http_compression_type: Any = "none"
    write_batch_size: Any = 10000


DATASETS: dict[str, type[Settings]] = {model.__name__: model for model in (RestResource,)}
LINKED_SERVICES: dict[str, type[Settings]] = {model.__name__: model for model in (RestService,)}
