from __future__ import annotations

import json

import pytest

from shelflife.records.event_log import EventRecord, Progress
from shelflife.shapes.event import event_as_json, progress_as_json

_RECORD = EventRecord(
    id=5,
    at=10**18,
    kind="hold.added",
    subject="3",
    data={"path_hex": b"temp/caf\xe9".hex(), "text": "a \udce9", "run": 7},
)
_ALWAYS = {"id": 5, "at": "2001-09-09T01:46:40+00:00", "kind": "hold.added", "subject": "3", "run": 7}


@pytest.mark.parametrize("with_paths", [True, False])
def test_names_and_texts_are_told_to_those_who_may_see_them(*, with_paths: bool) -> None:
    told = event_as_json(_RECORD, with_paths=with_paths)
    assert {key: told[key] for key in _ALWAYS} == _ALWAYS
    assert (told.get("text"), told.get("path")) == (
        ("a \\xe9", "temp/caf\\xe9") if with_paths else (None, None)
    )
    assert "path_hex" not in told
    json.dumps(told).encode()


def test_telling_an_event_leaves_it_as_it_is() -> None:
    before = dict(_RECORD.data)
    event_as_json(_RECORD, with_paths=True)
    assert dict(_RECORD.data) == before


def test_an_event_without_names_is_told_as_it_is() -> None:
    bare = EventRecord(id=5, at=10**18, kind="run.done", subject="3", data={"run": 7})
    assert event_as_json(bare, with_paths=True) == _ALWAYS | {"kind": "run.done"}


def test_how_far_a_run_is_names_no_directory() -> None:
    told = progress_as_json(Progress(10**18, "working", "temp", 3, None, 1, "temp/secret/"))
    assert told == {
        "at": "2001-09-09T01:46:40+00:00",
        "phase": "working",
        "area": "temp",
        "done": 3,
        "total": None,
        "failed": 1,
    }
