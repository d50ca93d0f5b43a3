from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.remove.pruning import Emptied


def _run(directories: list[str], marked: set[str], refused: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Enter directories in preorder; return those that pruning tried, in that order."""
    tried: list[str] = []

    def prune(path: str) -> bool:
        tried.append(path)
        return path not in refused

    pruning = Emptied(prune)
    for path in directories:
        pruning.enter(path)
        if path in marked:
            pruning.mark(path)
    pruning.finish()
    return tried


_TABLE = [
    # the due directories, those that were emptied, those that are not empty after all, what is tried
    (["", "a/"], {"a/"}, set(), ["a/"]),
    (["", "a/"], {"", "a/"}, set(), ["a/"]),
    (["a/", "a/b/", "a/b/c/"], {"a/b/c/"}, set(), ["a/b/c/", "a/b/", "a/"]),
    (["a/b/c/"], {"a/b/c/"}, set(), ["a/b/c/", "a/b/", "a/"]),
    (["a/b/c/"], {"a/b/c/"}, {"a/b/"}, ["a/b/c/", "a/b/"]),
    (["a/b/", "a/c/"], {"a/b/", "a/c/"}, set(), ["a/b/", "a/c/", "a/"]),
    (["a/", "a/b/", "a/c/"], {"a/", "a/b/", "a/c/"}, set(), ["a/b/", "a/c/", "a/"]),
    (["a/", "a-b/", "a0/"], {"a/"}, set(), ["a/"]),
    (["a/", "a/b/"], set(), set(), []),
]


@pytest.mark.parametrize(("directories", "marked", "refused", "tried"), _TABLE)
def test_directories_are_pruned_from_below(
    directories: list[str], marked: set[str], refused: set[str], tried: list[str]
) -> None:
    assert [path for path in _run(directories, marked, refused) if path] == tried


_paths = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(
    lambda parts: "".join(f"{p}/" for p in parts)
)


@given(due=st.sets(_paths, max_size=12), marked=st.sets(_paths, max_size=6))
def test_the_area_is_never_pruned_and_children_come_before_their_parents(
    due: set[str], marked: set[str]
) -> None:
    tried = _run(sorted({"", *due}), marked)
    assert "" not in tried
    assert marked & due <= set(tried)
    last = {path: position for position, path in enumerate(tried)}
    assert all(
        last[path] > position
        for position, child in enumerate(tried)
        for path in last
        if child.startswith(path) and child != path
    )
