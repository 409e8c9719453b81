"""Access tokens: fetched with client credentials, or taken from local settings for a managed identity.

https://learn.microsoft.com/azure/data-factory/connector-rest and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from reelhouse.adf.access.access import Access
from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.errors import USER_ERROR, ActivityFailed
from reelhouse.adf.http import HttpError, HttpRequest, call
from reelhouse.errors import Place, Unsupported, UserError

IDENTITY_SCOPE = "managed-identity"
"""The scope of local secrets that holds tokens by resource."""
AUTHORITIES = {
    "": "https://login.microsoftonline.com",
    "azurepublic": "https://login.microsoftonline.com",
    "azurechina": "https://login.chinacloudapi.cn",
    "azureusgovernment": "https://login.microsoftonline.us",
    "azuregermany": "https://login.microsoftonline.de",
}
EARLY_SECONDS = 60
"""A token is renewed that long before it is over."""
TIMEOUT_SECONDS = 60.0


def service_principal(ctx: ActivityContext, tenant: str, client: str, key: str, resource: str, cloud: str) -> Access:
    """Tokens of an application of Microsoft Entra ID for a resource. Raises `UserError` for an unknown cloud."""
    authority = AUTHORITIES.get(cloud.lower())
    if authority is None:
        known = ", ".join(("AzurePublic", "AzureChina", "AzureUsGovernment", "AzureGermany"))
        raise UserError(f"'{cloud}' is no azureCloudType", remedy=f"Known: {known}.")
    return client_credentials(
        ctx,
        f"{authority}/{tenant}/oauth2/token",
        {"grant_type": "client_credentials", "client_id": client, "client_secret": key, "resource": resource},
    )


def client_credentials(ctx: ActivityContext, endpoint: str, form: Mapping[str, str], *, verify: bool = True) -> Access:
    """Tokens that an endpoint gives for a form. The first is fetched with the first request."""
    source = _Tokens(ctx, HttpRequest(
        endpoint,
        "POST",
        {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        urlencode({name: value for name, value in form.items() if value}).encode(),
        TIMEOUT_SECONDS,
        verify,
    ))  # fmt: skip
    return Access(lambda: {"Authorization": f"Bearer {source.token()}"})


def managed_identity(ctx: ActivityContext, resource: str, place: Place) -> Access:
    """The token that local settings have for a resource: there is no identity to ask here.

    Raises `UserError` naming the way to give one.
    """
    key = resource.rstrip("/")
    try:
        token = ctx.services.secrets.get(IDENTITY_SCOPE, key)
    except UserError:
        raise UserError(
            f"No managed identity is at hand on this machine to get a token for '{resource}'",
            where=place,
            remedy=f'Put a token into the secrets file as [{IDENTITY_SCOPE}] "{key}" = "…", or give it in the '
            f"environment variable REELHOUSE_SECRET__{_shout(IDENTITY_SCOPE)}__{_shout(key)}.",
        ) from None
    ctx.run.masker.add(token)
    return Access(lambda: {"Authorization": f"Bearer {token}"})


class _Tokens:
    """The token of one endpoint, renewed before it is over."""

    def __init__(self, ctx: ActivityContext, request: HttpRequest) -> None:
        self._ctx = ctx
        self._request = request
        self._token = ""
        self._over = 0.0
        self._lock = threading.Lock()

    def token(self) -> str:
        with self._lock:
            clock = self._ctx.services.clock
            if not self._token or clock.monotonic() >= self._over:
                answer = self._fetch()
                self._token = self._ctx.run.masker.add(str(answer["access_token"]))
                self._over = clock.monotonic() + max(_seconds(answer.get("expires_in")) - EARLY_SECONDS, 0)
            return self._token

    def _fetch(self) -> Mapping[str, Any]:
        source, url = self._ctx.services.http, self._request.url
        if source is None:
            raise Unsupported("HTTP is not available in this run", where=self._ctx.activity.place)
        try:
            reply = call(source, self._request, self._ctx.waiting())
        except HttpError as error:
            raise _refused(url, str(error)) from None
        said = reply.body[:2000].decode("utf-8", "replace").strip()
        try:
            answer = json.loads(reply.body)
        except ValueError:
            answer = None
        if reply.status >= 400 or not isinstance(answer, Mapping) or not answer.get("access_token"):
            reason = said if reply.status >= 400 else "there is no access_token in its answer"
            raise _refused(url, f"status {reply.status}: {reason}")
        return answer


def _refused(url: str, reason: str) -> ActivityFailed:
    return ActivityFailed(
        "2200", f"ErrorCode=FailedToGetAccessToken,No token came from {url}: {reason}", failure_type=USER_ERROR
    )


def _seconds(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 3600.0


def _shout(name: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in name).upper()
