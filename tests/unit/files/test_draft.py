from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shelflife.files.anchor import Anchor
from shelflife.files.draft import (
    INCOMING,
    Draft,
    NamedDraft,
    NamelessDraft,
    give_back,
    set_aside,
    sweep_drafts,
)

Begin = Callable[[], Draft]


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    (tmp_path / "area").mkdir()
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "area") as anchor:
        yield anchor
    os.close(base)


@pytest.fixture
def area(tmp_path: Path, anchor: Anchor) -> Path:
    return tmp_path / "area"


@pytest.fixture(params=["nameless", "named"])
def begin(request: pytest.FixtureRequest, anchor: Anchor) -> Begin:
    """Begin a draft: one contract for both kinds."""
    owner = (os.geteuid(), os.getegid())

    def nameless() -> Draft:
        draft = NamelessDraft.begin(anchor.fd)
        if draft is None:
            pytest.skip("this file system has no nameless files")
        return draft

    return nameless if request.param == "nameless" else lambda: NamedDraft.begin(anchor, "1a", owner)


def _seen(area: Path) -> dict[str, bytes]:
    """What is in the area, as a cleanup sees it."""
    return {path.name: path.read_bytes() for path in area.iterdir() if path.is_file()}


def test_a_draft_is_nowhere_in_the_area_until_it_is_named(area: Path, anchor: Anchor, begin: Begin) -> None:
    draft = begin()
    os.write(draft.fd, b"new")
    assert _seen(area) == {}
    draft.name_it(anchor.fd, "a")
    draft.discard()
    assert _seen(area) == {"a": b"new"}


def test_a_draft_replaces_nothing(area: Path, anchor: Anchor, begin: Begin) -> None:
    (area / "a").write_bytes(b"old")
    draft = begin()
    os.write(draft.fd, b"new")
    with pytest.raises(FileExistsError):
        draft.name_it(anchor.fd, "a")
    assert _seen(area) == {"a": b"old"}
    draft.name_it(anchor.fd, "b")
    draft.discard()
    assert _seen(area) == {"a": b"old", "b": b"new"}


def test_a_draft_takes_the_place_of_what_it_is_to_replace(area: Path, anchor: Anchor, begin: Begin) -> None:
    (area / "a").write_bytes(b"old")
    (area / "aside").mkdir()
    draft = begin()
    os.write(draft.fd, b"new")
    with anchor.directory("aside/") as aside:
        assert draft.replace(anchor.fd, "a", aside)
    draft.discard()
    assert (_seen(area), _seen(area / "aside")) == ({"a": b"new"}, {"a": b"old"})


def test_what_is_to_be_replaced_may_be_gone_by_then(area: Path, anchor: Anchor, begin: Begin) -> None:
    (area / "aside").mkdir()
    draft = begin()
    with anchor.directory("aside/") as aside:
        assert not draft.replace(anchor.fd, "a", aside)
    draft.discard()
    assert (_seen(area), _seen(area / "aside")) == ({"a": b""}, {})


def test_what_waits_aside_already_is_not_replaced(area: Path, anchor: Anchor, begin: Begin) -> None:
    (area / "aside").mkdir()
    (area / "aside" / "a").write_bytes(b"older")
    (area / "a").write_bytes(b"old")
    draft = begin()
    with anchor.directory("aside/") as aside, pytest.raises(FileExistsError):
        draft.replace(anchor.fd, "a", aside)
    assert (_seen(area), _seen(area / "aside")) == ({"a": b"old"}, {"a": b"older"})
    draft.name_it(anchor.fd, "b")
    draft.discard()


def test_what_is_given_up_is_gone(area: Path, anchor: Anchor, begin: Begin) -> None:
    draft = begin()
    os.write(draft.fd, b"new")
    draft.discard()
    draft.discard()
    assert [path for path in area.rglob("*") if path.is_file()] == []


def test_what_was_set_aside_and_is_not_needed_is_given_back(area: Path, anchor: Anchor, begin: Begin) -> None:
    draft = begin()
    if not set_aside(draft.fd, 0, 10**6):
        pytest.skip("this file system sets nothing aside")
    os.write(draft.fd, b"new")
    assert (os.fstat(draft.fd).st_size, os.fstat(draft.fd).st_blocks * 512 >= 10**6) == (3, True)
    give_back(draft.fd, 10**6)
    assert (os.fstat(draft.fd).st_size, os.fstat(draft.fd).st_blocks * 512 < 10**5) == (3, True)
    draft.discard()


def test_one_that_lies_somewhere_can_be_resumed_and_is_swept_unless_somebody_has_it(
    area: Path, anchor: Anchor
) -> None:
    owner = (os.geteuid(), os.getegid())
    for name in ("1a", "2b"):
        draft = NamedDraft.begin(anchor, name, owner)
        os.write(draft.fd, b"half")
        draft.keep()
    sweep_drafts(anchor, lambda: {"1a"})
    assert sorted(path.name for path in (area / INCOMING).iterdir()) == ["1a"]
    assert (area / ".trash").stat().st_mode & 0o777 == 0o700
    draft = NamedDraft.resume(anchor, "1a")
    os.lseek(draft.fd, 0, os.SEEK_END)
    os.write(draft.fd, b" and half")
    draft.name_it(anchor.fd, "a")
    draft.discard()
    assert _seen(area) == {"a": b"half and half"}
    with pytest.raises(FileNotFoundError):
        NamedDraft.resume(anchor, "2b")
