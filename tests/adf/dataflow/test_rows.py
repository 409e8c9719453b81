"""Transformations that keep the rows of one stream."""

from __future__ import annotations

import pytest

TITLES = {"t": "id:integer,title,year:integer\n1,Dark,2017\n2,Ozark,2017\n3,,1999"}


@pytest.mark.supports("activity", "ExecuteDataFlow")
@pytest.mark.supports("data_flow", "Filter")
def test_a_filter_keeps_the_rows_for_which_its_condition_holds(flows) -> None:
    assert flows.through("t filter(year > 2000 && !isNull(title)) ~> out", TITLES) == [
        {"id": 1, "title": "Dark", "year": 2017},
        {"id": 2, "title": "Ozark", "year": 2017},
    ]
