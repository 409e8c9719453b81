"""Sources that misbehave: the others finish, the run says which and why, the next run recovers, no half file shows."""

from __future__ import annotations

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reelhouse.clock import ScaledClock
from reelhouse.runs.record import RunStatus

HTML = b"<!DOCTYPE html><html><body>" + b"Something went wrong. " * 200 + b"</body></html>"
BROKEN = "netflix_titles"


class Source(ThreadingHTTPServer):
    """Serves a folder, and treats the titles file as `fault` says."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.fault = None
        self.requests = Counter()
        self.released = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/")
        self.server.requests[name] += 1
        content = (self.server.folder / name).read_bytes()
        fault = self.server.fault if name.startswith(BROKEN) else None
        if fault is None:
            self.answer(200, content)
        else:
            fault(self, content)

    def answer(self, status, content, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def not_found(handler, content):
    handler.answer(404, b"no such file")


def twice_unavailable(handler, content):
    if handler.server.requests[f"{BROKEN}.csv"] <= 2:
        handler.answer(503, b"try later")
    else:
        handler.answer(200, content)


def stalls(handler, content):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[:1000])
    handler.wfile.flush()
    handler.server.released.wait(60)


def cut_short(handler, content):
    handler.answer(200, content[: len(content) // 2], length=len(content))
    handler.close_connection = True


def empty(handler, content):
    handler.answer(200, b"")


def html_page(handler, content):
    handler.answer(200, HTML)


def half_as_long(handler, content):
    lines = content.splitlines(keepends=True)
    handler.answer(200, b"".join(lines[: len(lines) // 2]))


@pytest.fixture
def source(sample):
    with Source(sample) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()


FAST = 60.0
"""Waits and time-outs of the artifacts pass this much faster."""


def run(platform, source):
    return platform.run(source_base_url=source.url, clock=ScaledClock(FAST))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (not_found, "404"),
        (stalls, "time"),
        (cut_short, "short|cut|bytes"),
        (empty, "size|empty|0 bytes"),
        (html_page, "header"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_source_that_fails_is_named_the_others_finish_and_the_next_run_recovers(platform, source, fault, reason):
    source.fault = fault
    failed = run(platform, source)
    assert failed.run.status is RunStatus.FAILED
    told = str(failed.run.error) + " ".join(failure.message for failure in failed.failures)
    assert BROKEN in told
    assert any(word.lower() in told.lower() for word in reason.split("|")), told
    assert platform.landed(BROKEN) == []
    assert platform.count("silver.title_cast") > 0
    source.fault = None
    recovered = run(platform, source)
    assert recovered.run.status is RunStatus.SUCCEEDED, recovered.failures
    assert len(platform.landed(BROKEN)) == 1
    assert platform.count("silver.titles") == 94


def test_a_source_that_is_unavailable_twice_is_tried_again_within_the_run(platform, source):
    source.fault = twice_unavailable
    summary = run(platform, source)
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert source.requests[f"{BROKEN}.csv"] == 3


def test_a_release_half_as_long_changes_nothing_and_the_run_says_so(platform, source):
    run(platform, source)
    before = platform.rows("silver.titles")
    source.fault = half_as_long
    failed = run(platform, source)
    assert failed.run.status is RunStatus.FAILED
    told = " ".join(failure.message for failure in failed.failures)
    assert "netflix_titles" in told and "keys" in told
    assert sorted(r["show_id"] for r in platform.rows("silver.titles")) == sorted(r["show_id"] for r in before)
    source.fault = None
    recovered = run(platform, source)
    assert recovered.run.status is RunStatus.SUCCEEDED, recovered.failures
    assert platform.count("silver.titles") == 94


def test_no_half_file_is_ever_visible_in_raw(platform, source):
    """A watcher that looks all the time sees only files that are whole."""
    seen, stop = Counter(), threading.Event()
    whole = (source.folder / f"{BROKEN}.csv").stat().st_size

    def watch():
        while not stop.is_set():
            for file in platform.landed(BROKEN):
                seen[file.stat().st_size] += 1
            time.sleep(0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    source.fault = cut_short
    run(platform, source)
    source.fault = None
    run(platform, source)
    stop.set()
    watcher.join()
    assert set(seen) <= {whole}


def test_a_source_that_gains_a_column_stops_the_bronze_task_once_and_loses_nothing(platform, sample, tmp_path):
    platform.run(sample)
    wider = tmp_path / "wider"
    wider.mkdir()
    for file in sample.iterdir():
        content = file.read_bytes()
        if file.stem == "netflix_cast":
            head, *rest = content.decode("utf-8-sig").splitlines()
            content = "\r\n".join([head + ",character", *[line + ",lead" for line in rest], ""]).encode("utf-8-sig")
        (wider / file.name).write_bytes(content)
    rows = platform.count("bronze.netflix_cast")
    summary = platform.run(wider, clock=ScaledClock(FAST))
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    table = platform.table("bronze.netflix_cast")
    assert table.num_rows == 2 * rows
    assert table.column_names[-1] == "character"
    assert table.column("character").null_count == rows
