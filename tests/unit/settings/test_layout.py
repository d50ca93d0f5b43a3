from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.settings.layout import (
    DEFAULT_RETENTION,
    area_key,
    check_directory,
    default_directories,
    is_area_key,
    overlaps,
)


def test_the_areas_of_the_service_keep_what_was_agreed() -> None:
    assert list(DEFAULT_RETENTION.items()) == [
        ("temp", 86_400),
        ("uploads", 604_800),
        ("contact_sheets", 2_592_000),
        ("frames", 2_592_000),
        ("outputs", -1),
    ]


def test_a_directory_is_named_with_hyphens_and_the_key_itself_is_an_alias() -> None:
    assert default_directories("contact_sheets") == ("contact-sheets", "contact_sheets")
    assert default_directories("frames") == ("frames",)


@pytest.mark.parametrize("name", ["frames", "contact_sheets", "a1", "x_"])
def test_lower_case_letters_digits_and_underscores_make_a_key(name: str) -> None:
    assert is_area_key(name)


@pytest.mark.parametrize("name", ["", "Frames", "1a", "_a", "a-b", "a b", "a/b", "a.b", "é", "a\n"])
def test_anything_else_is_no_key(name: str) -> None:
    assert not is_area_key(name)


def test_both_spellings_mean_one_key() -> None:
    assert area_key("contact-sheets") == area_key("contact_sheets") == "contact_sheets"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("frames", "frames"),
        ("frames/", "frames"),
        ("./frames", "frames"),
        ("media//frames/./x", "media/frames/x"),
        ("Ümläut und mehr", "Ümläut und mehr"),
        ("...", "..."),
        (".", "."),
        ("././", "."),
    ],
)
def test_a_relative_path_is_a_directory(text: str, path: str) -> None:
    assert check_directory(text) == path


@pytest.mark.parametrize("text", ["", "..", "../x", "x/../y", "/srv", "//x", "~", "~/x", "a\0b", "a\nb"])
def test_a_path_that_may_lead_out_of_the_storage_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r'not a directory below base_path; allowed: a relative path without "\.\."'
    ):
        check_directory(text)


@pytest.mark.parametrize("text", [".shelflife", ".trash", "x/.trash", ".shelflife/y"])
def test_directories_of_the_storage_itself_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is where the storage keeps its own files"):
        check_directory(text)


_ALONE = (
    "is all of the base path, and so must be the only directory of the only area; `default_areas: false` leaves "
    "out the areas that are there by default"
)


@pytest.mark.parametrize(
    ("directories", "found"),
    [
        ({"a": ("a",), "b": ("b",)}, []),
        ({"a": ("a",), "ab": ("ab",)}, []),
        ({"a": ("x",), "b": ("x",)}, [("b", "x", "is a directory of area a already")]),
        (
            {"a": ("a",), "b": ("a/b",)},
            [("b", "a/b", "lies in a, a directory of area a; areas must not overlap")],
        ),
        (
            {"a": ("c/a",), "b": ("c",)},
            [("b", "c", "holds c/a, a directory of area a; areas must not overlap")],
        ),
        ({"a": ("p", "q"), "b": ("r", "q")}, [("b", "q", "is a directory of area a already")]),
        ({"a": ("p", "p/q")}, [("a", "p/q", "lies in p, a directory of area a; areas must not overlap")]),
        ({"a": (".",)}, []),
        ({"a": (".",), "b": ("b",)}, [("a", ".", _ALONE)]),
        ({"b": ("b", "c"), "a": ("d", ".")}, [("a", ".", _ALONE)]),
    ],
    ids=repr,
)
def test_directories_that_touch_each_other_are_found(
    directories: dict[str, tuple[str, ...]], found: list[tuple[str, str, str]]
) -> None:
    assert list(overlaps(directories)) == found


def test_the_area_that_left_its_usual_directory_is_to_blame() -> None:
    (found,) = overlaps({"temp": ("uploads",), "uploads": ("uploads",)})
    assert found == ("temp", "uploads", "is a directory of area uploads already")


_paths = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(st.sampled_from("pqr"), st.tuples(_paths, _paths), min_size=1))
def test_directories_overlap_exactly_when_one_begins_with_the_other(
    areas: dict[str, tuple[str, ...]],
) -> None:
    flat = [f"{path}/" for paths in areas.values() for path in paths]
    clash = any(
        one.startswith(other) for at, one in enumerate(flat) for to, other in enumerate(flat) if at != to
    )
    assert bool(list(overlaps(areas))) == clash
