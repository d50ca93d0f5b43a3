from __future__ import annotations

import pytest

from shelflife.policy.rules.file import File, is_left_open, stays_by_name


@pytest.mark.parametrize(
    ("name", "left_open"),
    [
        (".nfs000000000a1b2c3d", True),
        (".nfs000000000A1B2C3D00000007", True),
        (".nfs000000000a1b2c3", False),  # one digit too few
        (".nfs000000000a1b2c3g", False),
        (".nfs000000000a1b2c3d.jpg", False),
        ("a.nfs000000000a1b2c3d", False),
    ],
)
def test_what_nfs_keeps_for_somebody_is_known_by_its_whole_name(name: str, *, left_open: bool) -> None:
    assert is_left_open(name) is left_open
    assert stays_by_name(name) is left_open


@pytest.mark.parametrize(("name", "stays"), [(".gitkeep", True), ("gitkeep", False), (".gitkeep2", False)])
def test_a_keep_file_stays_by_its_name(name: str, *, stays: bool) -> None:
    assert stays_by_name(name) is stays


@pytest.mark.parametrize(("path", "name"), [("a", "a"), ("a/b", "b"), ("a/b/c.jpg", "c.jpg")])
def test_a_name_is_the_last_part_of_a_path(path: str, name: str) -> None:
    assert File(path, 0).name == name
