"""Tests of factories: a pytest plugin that evaluates expressions, steps through pipelines and runs them with activities
faked. pytest finds it by itself; `docs/guides/testing.md` shows it at work.

Nothing is imported here before it is asked for: pytest loads the plugin in every run, also where no factory is tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelhouse.adf.errors import ActivityFailed
    from reelhouse.testing.fakes import Call
    from reelhouse.testing.results import PipelineResult
    from reelhouse.testing.steps import Steps
    from reelhouse.testing.tested import FactoryUnderTest

__all__ = ["ActivityFailed", "Call", "FactoryUnderTest", "PipelineResult", "Steps"]


def __getattr__(name: str) -> Any:
    if name == "ActivityFailed":
        from reelhouse.adf.errors import ActivityFailed

        return ActivityFailed
    if name == "Call":
        from reelhouse.testing.fakes import Call

        return Call
    if name == "FactoryUnderTest":
        from reelhouse.testing.tested import FactoryUnderTest

        return FactoryUnderTest
    if name == "PipelineResult":
        from reelhouse.testing.results import PipelineResult

        return PipelineResult
    if name == "Steps":
        from reelhouse.testing.steps import Steps

        return Steps
    raise AttributeError(f"module 'reelhouse.testing' has no attribute '{name}'")
