"""What one removed file costs, in calls of our own functions: counted, not timed, so that it cannot creep up."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

import shelflife
from shelflife.files.primitives import chosen
from shelflife.testing import MakeStorage, Storage

_OURS = str(Path(shelflife.__file__).parent)
_EXECUTOR = "AreaExecutor.run"
"""From here on everything is about the files of one area."""

_MOST = 400
"""Calls that the first due file adds to a run in which nothing is due."""
_CAREFUL = 200
"""Calls that each further one adds where files go entry by entry: looked at by the plan, and three times more."""
_DEEPEST = 14
"""Frames below the executor of an area."""


class Cost(NamedTuple):
    calls: int
    depth: int


def _cost(storage: Storage, files: int) -> Cost:
    """Clean up so many files that are due; return how many calls that took, and how deep they went."""
    for number in range(files):
        storage.file(f"temp/{number}")
    calls = depth = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls, depth
        if event == "call" and frame.f_code.co_filename.startswith(_OURS):
            calls += 1
            depth = max(depth, _below(frame))

    sys.setprofile(count)
    try:
        report = storage.engine.cleanup()
    finally:
        sys.setprofile(None)
    assert report.removed + report.total("trashed") == files
    return Cost(calls, depth)


def _below(frame: FrameType | None) -> int:
    """Return how many of our frames there are below the executor; 0 outside of it."""
    found = 0
    while frame is not None:
        if frame.f_code.co_qualname == _EXECUTOR:
            return found
        found += frame.f_code.co_filename.startswith(_OURS)
        frame = frame.f_back
    return 0


@pytest.mark.parametrize("trash", ["0s", "1h"], ids=["removed", "to the trash"])
def test_one_file_costs_few_calls_and_each_further_one_next_to_none(
    make_storage: MakeStorage, trash: str
) -> None:
    if not chosen().is_compiled:
        pytest.skip("without the compiled part each file is gone through in Python")
    storage = make_storage({"temp": {"retention": "1d", "trash": trash}}, cleanup={"workers": 1})
    storage.file("temp/young", age="1h")
    for _ in range(2):
        _cost(storage, 1)  # what is made once is made
    none, one, fifty = (_cost(storage, files) for files in (0, 1, 50))
    assert one.calls - none.calls <= _MOST
    assert one.depth <= _DEEPEST
    assert (fifty.calls - one.calls) / 49 < 5


@pytest.mark.parametrize("trash", ["0s", "1h"], ids=["removed", "to the trash"])
def test_by_the_careful_way_each_file_costs_few_calls(make_storage: MakeStorage, trash: str) -> None:
    storage = make_storage({"temp": {"retention": "1d", "trash": trash}}, cleanup={"workers": 1})
    storage.file("temp/held")
    storage.engine.hold("temp/held", reason="it makes its directory one that goes entry by entry")
    for _ in range(2):
        _cost(storage, 1)  # what is made once is made
    none, one, fifty = (_cost(storage, files) for files in (0, 1, 50))
    assert one.calls - none.calls <= _MOST
    assert (fifty.calls - one.calls) / 49 <= _CAREFUL
