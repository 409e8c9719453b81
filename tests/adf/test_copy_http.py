"""Copies from a real HTTP server that misbehaves, and from mirrors."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from reelhouse.adf.http import HttpRequest, HttpxSource
from reelhouse.adf.mirror import Mirror, MirroredSource
from reelhouse.clock import ScaledClock
from reelhouse.errors import UserError
from reelhouse.lineage.event import Dataset
from reelhouse.runs.record import RunStatus

BODY = bytes(range(256)) * 5000


@pytest.fixture
def fetch(run, copy, dataset, web):
    """Run a pipeline that copies one path of the server to raw/in."""

    def go(path: str = "/f.bin", *, read=None, policy=None, file: str = ""):
        sink = dataset("ds_file", folder="in", file=file)
        source = dataset("ds_web", base_url=web.url, path=path.lstrip("/"))
        return run([copy("get", source, sink, read=read, policy=policy or {})])

    return go


def there(raw) -> list[str]:
    return sorted(path.name for path in (raw / "in").rglob("*")) if (raw / "in").exists() else []


@pytest.mark.supports("store", "Http")
@pytest.mark.supports("linked_service", "HttpServer")
def test_a_file_arrives_as_it_is_under_its_own_name(fetch, web, raw, lineage):
    web.give("/f.bin", BODY)
    result = fetch()

    assert (raw / "in/f.bin").read_bytes() == BODY
    assert result.activities["get"]["output"]["dataRead"] == len(BODY)
    assert there(raw) == ["f.bin"]
    assert lineage.events[0][0].sources == (Dataset("URL", web.url + "f.bin"),)


def test_an_empty_file_is_a_file(fetch, web, raw):
    web.give("/f.bin", b"")
    result = fetch()

    assert result.activities["get"]["output"]["dataWritten"] == 0
    assert (raw / "in/f.bin").read_bytes() == b""


def test_an_html_page_with_status_200_is_copied_as_it_is(fetch, web, raw):
    web.give("/f.bin", b"<!DOCTYPE html>", **{"Content-Type": "text/html"})
    fetch()

    assert (raw / "in/f.bin").read_bytes() == b"<!DOCTYPE html>"


def test_a_missing_file_fails_and_is_not_there(fetch, web, raw):
    web.give("/f.bin", b"no such thing", status=404, **{"Content-Type": "text/plain"})
    result = fetch()

    assert f"{web.url}f.bin answered with status 404: no such thing" in result.message
    assert result.activities["get"]["error"]["failureType"] == "UserError"
    assert there(raw) == []


def test_two_503_then_an_answer_succeed_with_two_retries(fetch, web, raw, runs, clock):
    web.fail_then_give("/f.bin", 2, BODY)
    result = fetch(policy={"retry": 2, "retryIntervalInSeconds": 30})

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert [run.status for run in runs.named("get")] == ["Failed", "Failed", "Succeeded"]
    assert clock.monotonic() == 60
    assert (raw / "in/f.bin").read_bytes() == BODY


def test_a_stall_past_the_request_timeout_fails(fetch, web, raw, services):
    services.clock = ScaledClock(200)
    release = threading.Event()
    web.stall("/f.bin", release)
    result = fetch(read={"requestTimeout": "00:01:40"})
    release.set()

    assert "HttpRequestTimeout" in result.message and "nothing came for 100 s" in result.message
    assert there(raw) == []


def test_the_policy_s_timeout_ends_a_copy_that_hangs(fetch, web, raw, services):
    services.clock = ScaledClock(200)
    release = threading.Event()
    web.stall("/f.bin", release)
    result = fetch(read={"requestTimeout": "01:00:00"}, policy={"timeout": "0.00:01:00"})
    release.set()

    assert "did not end within its timeout" in result.message
    assert result.activities["get"]["error"]["errorCode"] == "Timeout"


def test_a_body_that_is_cut_is_never_taken_for_whole(fetch, web, raw):
    web.cut("/f.bin", BODY, 1000)
    result = fetch()

    assert result.status is RunStatus.FAILED
    assert there(raw) == []


def test_a_cut_body_is_continued_where_the_server_can(fetch, web, raw):
    web.cut("/f.bin", BODY, 1_000_000, resumable=True)
    result = fetch()

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert (raw / "in/f.bin").read_bytes() == BODY
    assert [headers.get("Range") for _, headers in web.hits] == [None, "bytes=1000000-"]


def test_a_failed_copy_leaves_the_file_of_before(fetch, web, raw):
    (raw / "in").mkdir()
    (raw / "in/f.bin").write_bytes(b"before")
    web.cut("/f.bin", BODY, 1000)
    fetch()

    assert there(raw) == ["f.bin"]
    assert (raw / "in/f.bin").read_bytes() == b"before"


def test_a_server_that_is_not_there_fails(run, copy, dataset, raw):
    source = dataset("ds_web", base_url="http://127.0.0.1:9/", path="x")
    result = run([copy("get", source, dataset("ds_folder", folder="in"))])

    assert "HttpRequestFailedWithClientError" in result.message


def test_a_cancelled_run_does_not_wait_for_a_silent_server(fetch, web, services, eventually):
    release = threading.Event()
    web.stall("/f.bin", release)
    results = []
    thread = threading.Thread(target=lambda: results.append(fetch()))
    thread.start()
    eventually(lambda: len(web.hits) == 1)
    services.cancel.set()
    thread.join(10)
    release.set()

    assert results[0].status is RunStatus.CANCELLED


@pytest.mark.supports("linked_service", "AzureKeyVault")
def test_basic_authentication_takes_its_password_from_the_key_vault_and_never_shows_it(
    run, runs, copy, dataset, web, raw, services
):
    class Vault:
        def get(self, vault, name):
            return {("https://kv.vault.azure.net/", "pw"): "s3cr3t"}[vault, name]

    services.secrets = Vault()
    web.give("/s3cr3t", b"x")
    store = {"referenceName": "ls_vault", "type": "LinkedServiceReference"}
    vault = {
        "name": "ls_vault",
        "properties": {"type": "AzureKeyVault", "typeProperties": {"baseUrl": "https://kv.vault.azure.net/"}},
    }
    service = {
        "name": "ls_closed",
        "properties": {
            "type": "HttpServer",
            "typeProperties": {
                "url": web.url,
                "authenticationType": "Basic",
                "userName": "me",
                "password": {"type": "AzureKeyVaultSecret", "store": store, "secretName": "pw"},
            },
        },
    }
    closed = {
        "name": "ds_web_closed",
        "properties": {
            "type": "Binary",
            "linkedServiceName": {"referenceName": "ls_closed", "type": "LinkedServiceReference"},
            "typeProperties": {"location": {"type": "HttpServerLocation", "relativeUrl": "s3cr3t"}},
        },
    }
    result = run(
        [copy("get", dataset("ds_web_closed"), dataset("ds_file", folder="in", file="y"))],
        objects={"linkedService": [service, vault], "dataset": [closed]},
    )

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert web.hits[0][1]["Authorization"] == "Basic bWU6czNjcjN0"
    assert "s3cr3t" not in str(runs.all)


def test_lookup_reads_json_over_http(run, act, dataset, web):
    web.give("/a.json", b'{"a": 1}')
    source = {"type": "JsonSource", "storeSettings": {"type": "HttpReadSettings", "additionalHeaders": "X-Key: 5\n"}}
    result = run([act("l", "Lookup", source=source, dataset=dataset("ds_web_json", base_url=web.url, path="a.json"))])

    assert result.activities["l"]["output"] == {"firstRow": {"a": 1}}
    assert web.hits[0][1]["X-Key"] == "5"


def test_a_web_activity_gives_the_properties_of_the_answer(run, runs, act, web):
    web.give("/a", b'{"x": {"y": 1}}')
    web.give("/text", b"hello")
    web.give("/no", b"why", status=400)
    result = run(
        [
            act(
                "json",
                "WebActivity",
                method="POST",
                url=web.url + "a",
                body={"q": "@pipeline().Pipeline"},
                headers={"H": "1"},
            ),
            act("text", "WebActivity", method="GET", url=web.url + "text"),
            act("no", "WebActivity", method="GET", url=web.url + "no"),
        ]
    )

    assert result.activities["json"]["output"]["x"] == {"y": 1}
    assert result.activities["json"]["output"]["ADFWebActivityResponseHeaders"]["content-length"] == "15"
    assert result.activities["text"]["output"]["Response"] == "hello"
    assert result.activities["no"]["error"]["errorCode"] == "2108"
    assert "status code: 400. why" in result.message


def test_a_mirror_with_a_prefix_answers_by_the_rest_of_the_path(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a b.csv").write_text("1")
    mirror = Mirror.parse(f"https://host/data/={tmp_path}")

    assert mirror.path_of("https://host/data/x/a%20b.csv?sig=1") == tmp_path / "x/a b.csv"
    assert mirror.path_of("https://host/database/x") is None
    assert mirror.path_of("https://other/data/x") is None
    assert not mirror.path_of("https://host/data/../../etc/passwd").exists()


def test_a_mirror_without_a_prefix_answers_by_the_last_part(tmp_path):
    assert Mirror.parse(str(tmp_path)).path_of("https://any/where/f.csv?x=1") == tmp_path / "f.csv"


def test_a_mirror_needs_a_folder():
    with pytest.raises(UserError, match="does not exist"):
        Mirror.parse("https://host/=/no/such/folder")
    with pytest.raises(UserError, match="URL_PREFIX=FOLDER"):
        Mirror.parse("https://host/")


def test_a_mirrored_copy_says_what_the_mirror_has(run, copy, dataset, services, tmp_path, raw):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "a.csv").write_text("x")
    services.http = MirroredSource([Mirror.parse(str(folder))], HttpxSource())
    source = dataset("ds_web", base_url="https://no.where/", path="deep/a.csv")
    missing = dataset("ds_web", base_url="https://no.where/", path="b.csv")
    result = run(
        [
            copy("good", source, dataset("ds_folder", folder="in")),
            copy("bad", missing, dataset("ds_folder", folder="in")),
        ]
    )

    assert (raw / "in/a.csv").read_text() == "x"
    assert "status 404: the mirror" in result.message and "has no b.csv; it has a.csv" in result.message


def test_what_no_mirror_knows_is_fetched_for_real(web, tmp_path):
    web.give("/x", b"real")
    http = HttpxSource()
    source = MirroredSource([Mirror(tmp_path, "https://elsewhere/")], http)
    with source.open(HttpRequest(web.url + "x")) as answer:
        assert b"".join(answer.chunks) == b"real"
    http.close()


def test_loading_and_running_without_http_imports_nothing_heavy():
    code = (
        "import sys; import reelhouse.adf.run, reelhouse.adf.validate, reelhouse.adf.explain, reelhouse.adf.mirror; "
        "print([m for m in ('httpx', 'pyarrow', 'pandas', 'lark', 'pyspark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_empty_texts_that_the_studio_writes_stand_for_the_defaults(fetch, web, raw):
    web.give("/f.bin", b"x")
    result = fetch(read={"requestTimeout": "", "requestBody": "", "additionalHeaders": "", "requestMethod": "GET"})

    assert result.status is RunStatus.SUCCEEDED, result.message
    assert "Content-Length" not in web.hits[0][1]
