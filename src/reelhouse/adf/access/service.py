"""Authentication of the linked services HttpServer and RestService.

https://learn.microsoft.com/azure/data-factory/connector-http and
https://learn.microsoft.com/azure/data-factory/connector-rest
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reelhouse.adf.access.access import Access, SecretReader, basic
from reelhouse.adf.access.certificate import read_certificate
from reelhouse.adf.access.tokens import client_credentials, managed_identity, service_principal
from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.http import Digest
from reelhouse.adf.settings.rest import RestService
from reelhouse.adf.settings.web import HttpServer
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean

HTTP_KINDS = ("Anonymous", "Basic", "Digest", "ClientCertificate")
REST_KINDS = ("Anonymous", "Basic", "AadServicePrincipal", "ManagedServiceIdentity", "OAuth2ClientCredential")
SHORTEST_SECRET = 6
_REFUSED = {"Windows": "it needs a Windows domain"}


def check_authentication_type(type: str, raw: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    """What can be seen of the authentication of a linked service before anything runs. `place` is its properties'."""
    kinds = {"HttpServer": HTTP_KINDS, "RestService": REST_KINDS}.get(type)
    kind = raw.get("authenticationType")
    if kinds is None or not isinstance(kind, str) or "@" in kind or kind in kinds:
        return
    error = _unknown(kind, kinds, place)
    yield problem(error.where or place, error.what, error.remedy)


def http_access(ctx: ActivityContext, settings: HttpServer, place: Place, read: SecretReader) -> Access:
    """What lets requests of an HttpServer linked service in. Raises `UserError`."""
    kind = text(settings.authentication_type) or "Anonymous"
    if kind == "Basic":
        access = basic(text(settings.user_name), _password(settings, place, read), ctx.run.masker.add)
    elif kind == "Digest":
        access = Access(login=Digest(text(settings.user_name), _password(settings, place, read)))
    elif kind == "ClientCertificate":
        access = Access(login=_certificate(ctx, settings, place, read))
    elif kind == "Anonymous":
        access = Access()
    else:
        raise _unknown(kind, HTTP_KINDS, place)
    return access.with_headers(_auth_headers(settings.auth_headers, place, read))


def rest_access(ctx: ActivityContext, settings: RestService, place: Place, read: SecretReader) -> Access:
    """What lets requests of a RestService linked service in. Raises `UserError`."""
    kind = text(settings.authentication_type) or "Anonymous"
    if kind == "Basic":
        access = basic(text(settings.user_name), _password(settings, place, read), ctx.run.masker.add)
    elif kind == "AadServicePrincipal":
        access = _principal(ctx, settings, place, read)
    elif kind == "ManagedServiceIdentity":
        resource = _needed(settings.aad_resource_id, kind, place.at("aadResourceId"))
        access = managed_identity(ctx, resource, place.at("authenticationType"))
    elif kind == "OAuth2ClientCredential":
        form = {
            "grant_type": "client_credentials",
            "client_id": _needed(settings.client_id, kind, place.at("clientId")),
            "client_secret": read(settings.client_secret, place.at("clientSecret")),
            "scope": text(settings.scope),
            "resource": text(settings.resource),
        }
        endpoint = _needed(settings.token_endpoint, kind, place.at("tokenEndpoint"))
        access = client_credentials(ctx, endpoint, form, verify=verifies(settings))
    elif kind == "Anonymous":
        access = Access()
    else:
        raise _unknown(kind, REST_KINDS, place)
    return access.with_headers(_auth_headers(settings.auth_headers, place, read))


def verifies(settings: HttpServer | RestService) -> bool:
    """Whether the server's certificate has to be good."""
    return text(settings.enable_server_certificate_validation).lower() != "false"


def _principal(ctx: ActivityContext, settings: RestService, place: Place, read: SecretReader) -> Access:
    kind = "AadServicePrincipal"
    if settings.service_principal_embedded_cert is not None or (
        text(settings.service_principal_credential_type) not in ("", "ServicePrincipalKey")
    ):
        raise Unsupported(
            "A service principal with a certificate is not supported",
            where=place.at("servicePrincipalCredentialType"),
            remedy="Use servicePrincipalKey.",
        )
    return service_principal(
        ctx,
        _needed(settings.tenant, kind, place.at("tenant")),
        _needed(settings.service_principal_id, kind, place.at("servicePrincipalId")),
        read(settings.service_principal_key, place.at("servicePrincipalKey")),
        _needed(settings.aad_resource_id, kind, place.at("aadResourceId")),
        text(settings.azure_cloud_type),
    )


def _certificate(ctx: ActivityContext, settings: HttpServer, place: Place, read: SecretReader) -> Any:
    if settings.embedded_cert_data is None:
        raise Unsupported(
            "A certificate of a certificate store (certThumbprint) is not supported",
            where=place.at("certThumbprint"),
            remedy="Give its PFX file in base64 as embeddedCertData.",
        )
    encoded = read(settings.embedded_cert_data, place.at("embeddedCertData"))
    password = read(settings.password, place.at("password")) if settings.password is not None else ""
    return read_certificate(encoded, password, place.at("embeddedCertData"))


def _password(settings: HttpServer | RestService, place: Place, read: SecretReader) -> str:
    if settings.password is None and settings.encrypted_credential is not None:
        raise UserError(
            "The credentials are encrypted for Data Factory and cannot be read here",
            where=place.at("encryptedCredential"),
            remedy="Give the password as a secret of a key vault.",
        )
    return read(settings.password, place.at("password"))


def _auth_headers(raw: Any, place: Place, read: SecretReader) -> dict[str, str]:
    if raw is None or raw == "":
        return {}
    spot = place.at("authHeaders")
    if not isinstance(raw, Mapping):
        raise UserError("authHeaders has to be a JSON object of header names and values", where=spot)
    return {str(name): _header(value, spot.at(str(name)), read) for name, value in raw.items()}


def _header(value: Any, place: Place, read: SecretReader) -> str:
    """A header's value. Short plain ones are no secrets; masking them would make records unreadable."""
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < SHORTEST_SECRET):
        return text(value)
    return read(value, place)


def _needed(value: Any, kind: str, place: Place) -> str:
    if not text(value):
        raise UserError(f"Authentication '{kind}' needs '{place.path.rpartition('.')[2]}'", where=place)
    return text(value)


def _unknown(kind: str, kinds: tuple[str, ...], place: Place) -> Unsupported:
    spot = place.at("authenticationType")
    if kind in _REFUSED:
        return Unsupported(
            f"Authentication '{kind}' is not supported: {_REFUSED[kind]}",
            where=spot,
            remedy=f"Supported: {', '.join(kinds)}.",
        )
    return Unsupported(f"'{kind}' is no kind of authentication here", where=spot, remedy=did_you_mean(kind, kinds))
