"""Authentication of the activities WebActivity and WebHook.

https://learn.microsoft.com/azure/data-factory/control-flow-web-activity#authentication
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelhouse.adf.access.access import Access, SecretReader, basic
from reelhouse.adf.access.certificate import read_certificate
from reelhouse.adf.access.tokens import managed_identity, service_principal
from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.settings.web import WebAuthentication
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean

KINDS = ("Basic", "ClientCertificate", "MSI", "UserAssignedManagedIdentity", "ServicePrincipal")
NO_KINDS = ("", "None", "Anonymous")
_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Basic": (("username",), ("password",)),
    "ClientCertificate": (("pfx",),),
    "MSI": (("resource",),),
    "UserAssignedManagedIdentity": (("resource",),),
    "ServicePrincipal": (("resource",),),
}
"""What each kind needs, one of each group."""


def check_web_authentication(raw: Any, place: Place, findings: list[Finding]) -> None:
    """What can be seen of an `authentication` before anything runs."""
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(kind, str) or "@" in kind or kind in NO_KINDS:
        return
    if kind not in KINDS:
        what = f"'{kind}' is no kind of authentication of a web activity"
        findings.append(problem(place.at("type"), what, did_you_mean(kind, KINDS)))
        return
    for names in _NEEDED[kind]:
        if all(raw.get(name) is None for name in names):
            findings.append(problem(place, f"Authentication '{kind}' needs '{names[0]}'"))


def web_access(ctx: ActivityContext, settings: WebAuthentication | None, place: Place, read: SecretReader) -> Access:
    """What lets requests in. Raises `UserError`. Values are evaluated here."""
    if settings is None:
        return Access()

    def value(raw: Any, name: str) -> str:
        return text(ctx.value(raw, "authentication", name))

    def hidden(raw: Any, name: str) -> str:
        if raw is None:
            raise UserError(f"Authentication '{kind}' needs '{name}'", where=place)
        return read(ctx.value(raw, "authentication", name), place.at(name))

    kind = value(settings.type, "type")
    if kind in NO_KINDS:
        return Access()
    if kind == "Basic":
        return basic(value(settings.username, "username"), hidden(settings.password, "password"), ctx.run.masker.add)
    if kind == "ClientCertificate":
        password = hidden(settings.password, "password") if settings.password is not None else ""
        return Access(login=read_certificate(hidden(settings.pfx, "pfx"), password, place.at("pfx")))
    if kind in ("MSI", "UserAssignedManagedIdentity"):
        return managed_identity(ctx, value(settings.resource, "resource"), place)
    if kind == "ServicePrincipal":
        if settings.credential is not None:
            raise Unsupported(
                "A credential object is not supported for a service principal", where=place.at("credential"),
                remedy="Give tenant, servicePrincipalId and servicePrincipalKey.",
            )  # fmt: skip
        return service_principal(
            ctx,
            value(settings.tenant, "tenant") or value(settings.user_tenant, "userTenant"),
            value(settings.service_principal_id, "servicePrincipalId") or value(settings.username, "username"),
            hidden(settings.service_principal_key, "servicePrincipalKey")
            if settings.service_principal_key is not None
            else hidden(settings.password, "password"),
            value(settings.resource, "resource"),
            "",
        )
    raise Unsupported(
        f"'{kind}' is no kind of authentication of a web activity",
        where=place.at("type"),
        remedy=did_you_mean(kind, KINDS),
    )
