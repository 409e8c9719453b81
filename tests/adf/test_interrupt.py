"""Ctrl-C while a run goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from reelhouse.adf.interrupt import call_apart


@pytest.fixture(autouse=True)
def python_raises_on_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_cancels_and_waits_for_the_work_to_stop():
    cancel = threading.Event()

    def work() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        assert cancel.wait(10)
        return "stopped in order"

    assert call_apart(work, cancel) == "stopped in order"


def test_a_second_ctrl_c_gives_up_waiting():
    cancel, go = threading.Event(), threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert cancel.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        go.wait(10)

    with pytest.raises(KeyboardInterrupt):
        call_apart(work, cancel)
    go.set()


def test_what_the_work_raises_is_raised():
    def work() -> None:
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        call_apart(work, threading.Event())
