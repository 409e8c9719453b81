"""TLS with a client's certificate out of a PFX file, the form in which Data Factory has it.

https://learn.microsoft.com/azure/data-factory/control-flow-web-activity#client-certificate
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from typing import TYPE_CHECKING

from reelhouse.adf.http import Certificate
from reelhouse.errors import Place, UserError

if TYPE_CHECKING:
    import ssl


def read_certificate(encoded: str, password: str, place: Place) -> Certificate:
    """The certificate of a base64 text. Raises `UserError` when it is none, or the password does not open it."""
    try:
        certificate = Certificate(base64.b64decode("".join(encoded.split()), validate=True), password)
    except binascii.Error:
        raise UserError("The certificate is not base64", where=place) from None
    _pem(certificate, place)
    return certificate


def ssl_context(certificate: Certificate, *, verify: bool = True) -> ssl.SSLContext:
    """What a connection needs to show the certificate. `verify` False trusts any server."""
    import ssl

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # OpenSSL reads a chain from a file only. The file is readable for its owner and gone at once.
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_pem(certificate, None))
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
    return context


def _pem(certificate: Certificate, place: Place | None) -> bytes:
    """Key, certificate and its chain as PEM."""
    try:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
    except ImportError:
        raise UserError(
            "Client certificates need the package cryptography",
            where=place,
            remedy="Install it: pip install 'reelhouse[certificates]'.",
        ) from None
    try:
        key, own, chain = pkcs12.load_key_and_certificates(certificate.pfx, certificate.password.encode() or None)
    except ValueError:
        raise UserError("The certificate is no PFX file, or its password is wrong", where=place) from None
    if key is None or own is None:
        raise UserError("The PFX file has no certificate with its private key", where=place)
    parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
    parts += [item.public_bytes(Encoding.PEM) for item in (own, *chain)]
    return b"".join(parts)
