"""stub"""

from __future__ import annotations
from collections.abc import Mapping


def check_reader_options(format: str, options: Mapping[str, str]) -> None:
    """stub"""
