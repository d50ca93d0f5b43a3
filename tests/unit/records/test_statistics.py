from __future__ import annotations

from collections.abc import Iterator

import pytest

from shelflife.files.survey import ClassSurvey, Key, Survey
from shelflife.policy.area import Area, areas_of
from shelflife.records.index import Index
from shelflife.records.sqlite.index_file import open_index
from shelflife.records.state import StateDirectory
from shelflife.records.statistics import statistics_of
from shelflife.settings import Settings


@pytest.fixture
def areas() -> list[Area]:
    settings = Settings.build(
        base_path="/srv/t",
        areas={"temp": "1d", "contact_sheets": {"retention": "30d", "protect": ["*.keep"]}},
    )
    return list(areas_of(settings).values())


@pytest.fixture
def index(state: StateDirectory) -> Iterator[Index]:
    with open_index(state) as opened:
        yield opened


def _scan(
    index: Index, directory: str, *, as_of: int, protected: ClassSurvey | None = None, **counts: int
) -> None:
    root = index.root(directory)
    survey = Survey(key=Key(1, 2, 3), others={1: protected} if protected else {})
    for name, count in counts.items():
        setattr(survey, name, count)
    index.put(root, "", survey, listed=1, rules=0)
    index.complete(root, as_of=as_of)


def test_before_the_first_scan_nothing_is_known(areas: list[Area], index: Index) -> None:
    for found in (statistics_of(areas, None), statistics_of(areas, index)):
        assert (found.complete, found.as_of, found.files, found.bytes, found.directories) == (
            False,
            None,
            0,
            0,
            0,
        )
        assert [area.directory for area in found.areas] == ["temp", "contact-sheets"]


def test_an_area_is_the_sum_of_its_directories(areas: list[Area], index: Index) -> None:
    _scan(
        index,
        "contact-sheets",
        as_of=9,
        files=1,
        bytes=10,
        oldest=5,
        newest=6,
        protected=ClassSurvey(files=2, oldest=1, newest=2),
    )
    _scan(
        index,
        "contact_sheets",
        as_of=8,
        files=3,
        bytes=30,
        oldest=4,
        newest=9,
        protected=ClassSurvey(bytes=7),
    )
    found = statistics_of(areas, index)
    sheets = found.areas[1]
    assert (sheets.files, sheets.bytes, sheets.protected_files, sheets.directories) == (6, 47, 2, 2)
    assert (sheets.oldest, sheets.newest, sheets.as_of) == (4, 9, 8)
    assert (found.complete, found.as_of) == (False, None)  # temp is missing
    _scan(index, "temp", as_of=3)
    found = statistics_of(areas, index)
    assert (found.complete, found.as_of, found.files, found.directories) == (True, 3, 6, 3)


def test_an_alias_is_named_where_it_is_all_there_is(areas: list[Area], index: Index) -> None:
    _scan(index, "contact_sheets", as_of=8)
    assert statistics_of(areas, index).areas[1].directory == "contact_sheets"


def test_what_the_scan_could_not_look_at_is_said(areas: list[Area], index: Index) -> None:
    found = statistics_of(areas, index, {"temp": ["temp/x/: Permission denied"]})
    assert [area.errors for area in found.areas] == [("temp/x/: Permission denied",), ()]
