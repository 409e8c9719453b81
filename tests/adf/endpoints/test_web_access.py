"""How HTTP sources are let in, and what a Copy does when they fail."""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
import ssl

import pytest

from reelhouse.adf.validate import validate
from reelhouse.runs.record import RunStatus

SECURE = {"type": "SecureString", "value": "s3cr3t"}


def service(url, **properties):
    return {"name": "ls_closed", "properties": {"type": "HttpServer", "typeProperties": {"url": url, **properties}}}


CLOSED = {
    "name": "ds_web_closed",
    "properties": {
        "type": "Binary",
        "linkedServiceName": {"referenceName": "ls_closed", "type": "LinkedServiceReference"},
        "typeProperties": {"location": {"type": "HttpServerLocation", "relativeUrl": "f.bin"}},
    },
}


@pytest.fixture
def fetch(run, copy, dataset):
    def go(linked, *, policy=None, read=None):
        made = copy(
            "get", dataset("ds_web_closed"), dataset("ds_file", folder="in", file=""), policy=policy or {}, read=read
        )
        return run([made], objects={"linkedService": [linked], "dataset": [CLOSED]})

    return go


@pytest.mark.supports("linked_service", "HttpServer")
def test_digest_authentication_answers_the_challenge(fetch, endpoint, answer, raw, runs):
    def check(request, count):
        given = request.headers.get("authorization")
        if not given:
            return answer(401, "", {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'})
        part = dict(re.findall(r'(\w+)="?([^",]+)"?', given))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()

        first, second = md5("me:r:s3cr3t"), md5("GET:/f.bin")
        wanted = md5(f"{first}:n:{part['nc']}:{part['cnonce']}:auth:{second}")
        return answer(200, b"inside") if part["response"] == wanted else answer(403, b"")

    endpoint.on("/f.bin", check)
    result = fetch(service(endpoint.url, authenticationType="Digest", userName="me", password=SECURE))

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert (raw / "in/f.bin").read_bytes() == b"inside"
    assert "s3cr3t" not in str(runs.all)


def test_auth_headers_are_secrets(fetch, endpoint, raw, runs):
    endpoint.give("/f.bin", b"x")
    fetch(
        service(endpoint.url, authHeaders={"x-api-key": SECURE, "x-page": "1"}), read={"additionalHeaders": "X-Two: 2"}
    )

    assert endpoint.requests[0].headers["x-api-key"] == "s3cr3t"
    assert endpoint.requests[0].headers["x-two"] == "2"
    assert endpoint.requests[0].headers["x-page"] == "1"
    assert "*" not in str(runs.all), "what is short and plain is no secret"
    assert "s3cr3t" not in str(runs.all)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine that is its own authority: as PEM file, and as PFX in base64."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import pkcs12

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    pfx = pkcs12.serialize_key_and_certificates(
        b"own", key, made, None, serialization.BestAvailableEncryption(b"s3cr3t")
    )
    return file, base64.b64encode(pfx).decode()


@pytest.fixture
def strict(start_endpoint, certificate):
    """An endpoint with TLS that lets in only who shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate[0])
    return start_endpoint(context)


def test_a_client_certificate_is_shown(fetch, strict, certificate, raw, runs):
    strict.give("/f.bin", b"inside")
    result = fetch(
        service(
            strict.url,
            authenticationType="ClientCertificate",
            embeddedCertData=certificate[1],
            password=SECURE,
            enableServerCertificateValidation=False,
        )
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert (raw / "in/f.bin").read_bytes() == b"inside"
    assert certificate[1] not in str(runs.all)


def test_without_the_certificate_nobody_comes_in(fetch, strict):
    result = fetch(service(strict.url, enableServerCertificateValidation=False))

    assert "HttpRequestFailedWithClientError" in result.message


def test_a_certificate_of_the_server_that_nobody_vouches_for_is_refused(fetch, strict):
    assert "certificate" in fetch(service(strict.url)).message.lower()


def test_a_web_activity_shows_a_client_certificate(run, act, strict, certificate):
    strict.give("/a", {"in": True})
    authentication = {
        "type": "ClientCertificate",
        "pfx": {"type": "SecureString", "value": certificate[1]},
        "password": SECURE,
    }
    made = act(
        "call",
        "WebActivity",
        method="GET",
        url=strict.url + "/a",
        authentication=authentication,
        disableCertValidation=True,
    )
    result = run([made])

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert result.activities["call"]["output"]["in"] is True


@pytest.mark.parametrize(
    ("data", "password", "message"),
    [("@@", "x", "is not base64"), ("aGFsbG8=", "x", "is no PFX file, or its password is wrong")],
)
def test_a_certificate_that_is_none_is_refused(fetch, data, password, message):
    hidden = {"type": "SecureString", "value": password}
    linked = service("https://h", authenticationType="ClientCertificate", embeddedCertData=data, password=hidden)

    assert message in fetch(linked).message


def test_windows_authentication_is_refused_before_the_run(make_factory, copy, dataset):
    made = copy("get", dataset("ds_web_closed"), dataset("ds_file", folder="in", file=""))
    linked = service("https://h", authenticationType="Windows", userName="me", password=SECURE)
    factory = make_factory({"main": [made]}, objects={"linkedService": [linked], "dataset": [CLOSED]})

    assert any("Authentication 'Windows' is not supported: it needs" in str(f) for f in validate(factory))


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_to_come_back_is_asked_again_then(fetch, endpoint, answer, clock, raw, status):
    endpoint.give("/f.bin", answer(status, "", {"Retry-After": "9"}), answer(status, "", {"Retry-After": "2"}), b"now")
    result = fetch(service(endpoint.url))

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert (raw / "in/f.bin").read_bytes() == b"now"
    assert clock.monotonic() == 11


def test_a_server_may_say_it_as_a_date(fetch, endpoint, answer, clock, raw):
    endpoint.give("/f.bin", answer(503, "", {"Retry-After": "Fri, 02 Jan 2026 03:04:35 GMT"}), b"now")
    fetch(service(endpoint.url))

    assert clock.monotonic() == 30
    assert (raw / "in/f.bin").read_bytes() == b"now"


def test_a_server_that_is_busy_for_ever_fails_in_the_end(fetch, endpoint, answer, raw):
    endpoint.give("/f.bin", answer(429, "", {"Retry-After": "1"}))
    result = fetch(service(endpoint.url))

    assert "status 429" in result.message
    assert len(endpoint.requests) == 4
    assert not list(raw.rglob("*.bin*"))


def test_a_wait_does_not_outlast_the_timeout_of_the_activity(fetch, endpoint, answer):
    endpoint.give("/f.bin", answer(429, "", {"Retry-After": "86400"}))
    result = fetch(service(endpoint.url), policy={"timeout": "0.00:10:00"})

    assert result.activities["get"]["error"]["errorCode"] == "Timeout"


def test_a_connection_that_is_reset_fails_and_a_retry_completes(fetch, endpoint, answer, raw):
    endpoint.give("/f.bin", answer(200, b"half", reset=True), b"whole")
    result = fetch(service(endpoint.url), policy={"retry": 1})

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert [path.name for path in (raw / "in").iterdir()] == ["f.bin"]
    assert (raw / "in/f.bin").read_bytes() == b"whole"
