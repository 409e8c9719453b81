"""IfCondition, Switch, ForEach, Until, Filter, Wait, Fail: activities that decide and repeat.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#control-flow-activities
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reelhouse.adf.activity.context import (
    ActivityContext,
    Inside,
    ScopeResult,
    Work,
    as_boolean,
    as_integer,
    as_seconds,
    wrong,
)
from reelhouse.adf.errors import ActivityFailed, Cancelled
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.values import text, type_name
from reelhouse.adf.recovery import counted, iteration_hash, turn_past
from reelhouse.adf.settings import Fail, Filter, ForEach, IfCondition, Switch, Until, Wait
from reelhouse.runs.record import RunStatus

DEFAULT_BATCH = 20
MAX_BATCH = 50
MAX_ITEMS = 100_000


def raise_if_failed(result: ScopeResult) -> None:
    """Fail the container when its scope failed. Raises `ActivityFailed`."""
    if result.status is RunStatus.FAILED:
        name, message = result.failure or ("", "")
        raise ActivityFailed(
            "ActionFailed",
            f"Activity failed because an inner activity failed; Inner activity name: {name}, Error: {message}",
        )


def prepare_if(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, IfCondition)
    condition = ctx.value(settings.expression, "expression")
    if not isinstance(condition, bool):
        raise wrong(
            ctx, f"The condition must be a boolean, it is {type_name(condition)} '{text(condition)}'", "expression"
        )
    branch = ctx.activity.branches["true" if condition else "false"]

    def act() -> Any:
        raise_if_failed(ctx.inner(branch))
        return {}

    return Work({"expression": condition}, act)


def prepare_switch(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Switch)
    value = ctx.value(settings.on, "on")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong(ctx, f"Switch is on a text or an integer, it is {type_name(value)}", "on")
    branches = ctx.activity.branches
    branch = branches.get(f"case:{text(value)}", branches["default"])

    def act() -> Any:
        raise_if_failed(ctx.inner(branch))
        return {}

    return Work({"on": value}, act)


def prepare_for_each(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, ForEach)
    items = ctx.value(settings.items, "items")
    if not isinstance(items, list):
        raise wrong(ctx, f"The items must be an array, they are {type_name(items)}", "items")
    if len(items) > MAX_ITEMS:
        raise wrong(ctx, f"ForEach takes {MAX_ITEMS} items at most, there are {len(items)}", "items")
    alone = settings.is_sequential or ctx.services.one_at_a_time
    queues = 1 if alone else min(settings.batch_count or DEFAULT_BATCH, MAX_BATCH)
    activities = ctx.activity.branches["body"]

    hashes = [iteration_hash(item) for item in items] if ctx.past else []
    keys = counted(hashes)

    def iterate(index: int) -> ScopeResult:
        item = items[index]
        past = turn_past(ctx.past, keys[index]) if ctx.past else None
        inside = Inside(past, index, hashes[index] if hashes else iteration_hash(item))
        return ctx.inner(activities, replace(ctx.scope, item=item), inside)

    def act() -> Any:
        failure = _in_queues(ctx, iterate, len(items), min(queues, len(items)))
        if failure is not None:
            raise_if_failed(failure)
        return {}

    return Work({"ItemsCount": len(items)}, act)


def _in_queues(
    ctx: ActivityContext, iterate: Callable[[int], ScopeResult], items: int, count: int
) -> ScopeResult | None:
    """Deal the items to queues in advance, without rebalancing, as documented. All are done, failures or not.

    The failed result of the first item that has one comes back.
    """
    failed: dict[int, ScopeResult] = {}
    stopped: list[BaseException] = []

    def work(queue: int) -> None:
        fine = True
        try:
            for index in range(queue, items, count):
                if ctx.services.cancel.is_set():
                    raise Cancelled
                result = iterate(index)
                if fine and result.status is not RunStatus.SUCCEEDED:
                    # Only the first of all counts; the others would fill the memory.
                    fine = False
                    failed[index] = replace(result, activities={})
        except BaseException as error:
            stopped.append(error)

    if count == 1:
        work(0)
    elif count:
        _side_by_side(ctx, work, count)
    if stopped:
        raise next((error for error in stopped if not isinstance(error, Cancelled)), stopped[0])
    return failed[min(failed)] if failed else None


def _side_by_side(ctx: ActivityContext, work: Callable[[int], None], count: int) -> None:
    over = threading.Semaphore(0)

    def one(queue: int) -> None:
        try:
            work(queue)
        finally:
            over.release()

    for queue in range(count):
        ctx.run.workers.start(lambda queue=queue: one(queue), f"{ctx.activity.name}-{queue}")  # type: ignore[misc]
    for _ in range(count):
        over.acquire()


def prepare_until(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Until)
    seconds = as_seconds(ctx, ctx.value(settings.timeout, "timeout"), "timeout")

    def act() -> Any:
        clock = ctx.services.clock
        deadline = clock.monotonic() + seconds
        turn = 0
        while True:
            # A failing inner activity does not stop the loop, its condition may look at it.
            inside = Inside(turn_past(ctx.past, turn), turn)
            done = ctx.inner(ctx.activity.branches["body"], inside=inside)
            scope = replace(ctx.scope, activities=done.activities)
            condition = evaluate(settings.expression, scope, ctx.properties.at("expression"))
            if as_boolean(ctx, condition, "expression"):
                return {}
            if clock.monotonic() >= deadline:
                raise ActivityFailed("ActionTimedOut", f"The condition was not met within {seconds:g} s")
            if ctx.services.cancel.is_set():
                raise Cancelled
            turn += 1

    return Work({}, act)


def prepare_filter(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Filter)
    items = ctx.value(settings.items, "items")
    if not isinstance(items, list):
        raise wrong(ctx, f"The items must be an array, they are {type_name(items)}", "items")

    def act() -> Any:
        kept = []
        for item in items:
            condition = evaluate(settings.condition, replace(ctx.scope, item=item), ctx.properties.at("condition"))
            if not isinstance(condition, bool):
                raise wrong(ctx, f"The condition must be a boolean, it is {type_name(condition)}", "condition")
            if condition:
                kept.append(item)
        return {"ItemsCount": len(items), "FilteredItemsCount": len(kept), "Value": kept}

    return Work({"items": items}, act)


def prepare_wait(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Wait)
    seconds = as_integer(ctx, ctx.value(settings.wait_time_in_seconds, "waitTimeInSeconds"), "waitTimeInSeconds", 1)

    def act() -> Any:
        ctx.sleep(seconds)
        return {}

    return Work({"waitTimeInSeconds": seconds}, act)


def prepare_fail(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Fail)
    message = ctx.value(settings.message, "message")
    code = ctx.value(settings.error_code, "errorCode")
    name = ctx.activity.name
    usable = isinstance(code, str) and code.strip() != ""
    if "message" not in ctx.activity.raw:
        said = "Fail message wasn't provided"
    elif message is None or (isinstance(message, str) and not message.strip()):
        said = f"Failed to interpret {name} fail message or error code"
    elif not isinstance(message, str):
        said = f"{name} fail message parameter couldn't be interpreted as a string"
        if not usable:
            said = f"Failed to interpret {name} fail message or error code"
    else:
        said = message

    def act() -> Any:
        raise ActivityFailed(code if usable else "ErrorCodeNotString", said)

    return Work({"message": message, "errorCode": code}, act)
