from __future__ import annotations

from pathlib import Path

import pytest

from shelflife.errors import UsageError
from shelflife.policy.area import Area, areas_of
from shelflife.settings import Settings
from shelflife.storage.paths import Place, absolute_of, locate


@pytest.fixture
def areas(tmp_path: Path) -> dict[str, Area]:
    for name in ("uploads", "contact-sheets"):
        (tmp_path / "storage" / name).mkdir(parents=True)
    return areas_of(Settings.build(base_path=tmp_path / "storage", areas={"uploads": 1, "contact_sheets": 1}))


@pytest.mark.parametrize(
    ("path", "area", "whole", "below"),
    [
        ("uploads/a.mp4", "uploads", "uploads/a.mp4", "a.mp4"),
        ("uploads/x/../a.mp4", "uploads", "uploads/a.mp4", "a.mp4"),
        ("uploads/d/", "uploads", "uploads/d", "d"),
        ("uploads", "uploads", "uploads", ""),
        ("contact-sheets/a", "contact_sheets", "contact-sheets/a", "a"),
        ("contact_sheets/a", "contact_sheets", "contact_sheets/a", "a"),  # its alias, which is not there
    ],
)
def test_a_path_lies_in_the_directory_of_an_area(
    tmp_path: Path, areas: dict[str, Area], path: str, area: str, whole: str, below: str
) -> None:
    for given in (path, str(tmp_path / "storage" / path)):
        place = locate(given, tmp_path / "storage", areas)
        assert (place.area.name, place.whole, place.path) == (area, whole, below)


def test_a_relative_path_starts_from_the_working_directory(
    tmp_path: Path, areas: dict[str, Area], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "storage/uploads")
    assert locate("a.mp4", tmp_path / "storage", areas) == Place(areas["uploads"], "uploads", "a.mp4")


def test_a_link_is_meant_itself_and_those_on_its_way_are_followed(
    tmp_path: Path, areas: dict[str, Area]
) -> None:
    (tmp_path / "storage/uploads/link").symlink_to("/etc/passwd")
    (tmp_path / "short").symlink_to("storage/uploads")
    assert locate(str(tmp_path / "short/link"), tmp_path / "storage", areas).path == "link"


@pytest.mark.parametrize("path", ["/etc/passwd", "uploads2/a", "uploads/../../a", ".", "/"])
def test_a_path_outside_all_areas_is_refused(tmp_path: Path, areas: dict[str, Area], path: str) -> None:
    with pytest.raises(UsageError, match="lies in none of the areas"):
        locate(path, tmp_path / "storage", areas)


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="not a path"):
        absolute_of(path)


def test_a_path_that_ends_in_dots_is_resolved_as_a_whole(tmp_path: Path) -> None:
    real = tmp_path.resolve()
    assert absolute_of(f"{tmp_path}/a/..") == str(real)
    assert absolute_of(f"{tmp_path}/.") == str(real)
    assert absolute_of("/") == "/"
