"""Pages of what waits in the trash."""

from __future__ import annotations

import random

import pytest

from shelflife.engine import Engine
from shelflife.files.anchor import Anchor
from shelflife.run.trash_pages import TrashCursor, TrashFilter
from shelflife.run.trashed import TrashedFile
from shelflife.testing import MakeStorage, Storage

NAMES = ("a", "b", "a b", "a.", "a-", "z\udcff", "new\nline")


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    """A storage in whose trash is what two runs put there, of two areas."""
    storage = make_storage(
        {"temp": {"retention": "1d", "trash": "9d"}, "frames": {"retention": "1d", "trash": "9d"}}
    )
    chance = random.Random(3)
    for _ in range(2):
        for number in range(40):
            above = "/".join(chance.choices(NAMES, k=chance.randrange(4)))
            storage.file(f"{chance.choice(('temp', 'frames'))}/{above}/{number}", age="3d")
        storage.engine.cleanup()
    return storage


def _pages(engine: Engine, wanted: TrashFilter, limit: int) -> list[list[TrashedFile]]:
    pages, after = [], None
    while True:
        page, after = engine.page_of_trash(wanted, limit=limit, after=after)
        pages.append(page)
        if after is None:
            return pages


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_together_are_all_that_waits_there_each_once(storage: Storage, limit: int) -> None:
    pages = _pages(storage.engine, TrashFilter(), limit)
    assert all(len(page) == limit for page in pages[:-1])
    places = [file.place for page in pages for file in page]
    assert len(places) == len(set(places)) == 80
    assert set(places) == {file.place for file in storage.engine.trash()}
    assert [file.place for file in storage.engine.wanted_of_trash(TrashFilter())] == places


def test_what_is_asked_for_narrows_it_down(storage: Storage) -> None:
    engine = storage.engine
    everything = list(engine.trash())
    for run in (1, 2):
        (found,) = _pages(engine, TrashFilter(runs=(run,)), 1000)
        assert {file.place for file in found} == {file.place for file in everything if file.run == run}
    (found,) = _pages(engine, TrashFilter(areas=("frames",), path="frames/a"), 1000)
    below = {file.place for file in everything if f"{file.path}/".startswith("frames/a/")}
    assert {file.place for file in found} == below != set()
    (found,) = _pages(engine, TrashFilter(path=everything[0].path), 1000)
    assert [file.path for file in found] == [everything[0].path]
    assert _pages(engine, TrashFilter(until=everything[0].trashed), 1000)[0] == []
    assert len(_pages(engine, TrashFilter(since=everything[0].trashed), 1000)[0]) == 80


def test_what_is_gone_meanwhile_is_missing_and_the_rest_comes_once(storage: Storage) -> None:
    engine = storage.engine
    first, after = engine.page_of_trash(TrashFilter(), limit=30)
    engine.restore(first[-1].path, hold=False)
    rest: list[TrashedFile] = []
    while after is not None:
        page, after = engine.page_of_trash(TrashFilter(), limit=30, after=after)
        rest += page
    assert len({file.place for file in first + rest}) == len(first + rest)
    assert {file.place for file in engine.trash()} <= {file.place for file in first + rest}


def test_a_page_reads_its_own_directories_only(
    make_storage: MakeStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = make_storage({"temp": {"retention": "1d", "trash": "9d"}})
    for number in range(50):
        storage.file(f"temp/{number:02}/a", age="3d")
    storage.engine.cleanup()
    opened: list[str] = []
    directory = Anchor.directory

    def noting(anchor: Anchor, path: str) -> object:
        opened.append(path)
        return directory(anchor, path)

    _, deep = storage.engine.page_of_trash(TrashFilter(), limit=40)
    monkeypatch.setattr(Anchor, "directory", noting)
    page, _ = storage.engine.page_of_trash(TrashFilter(), limit=2, after=deep)
    assert [file.path for file in page] == ["temp/40/a", "temp/41/a"]
    assert {path.rstrip("/").rpartition("/")[2] for path in opened if path.count("/") > 2} <= {
        "39",
        "40",
        "41",
        "42",
    }


def test_a_cursor_of_an_area_that_is_gone_ends_the_list(storage: Storage) -> None:
    _, after = storage.engine.page_of_trash(TrashFilter(), limit=1)
    assert after is not None
    gone = TrashCursor("gone", after.directory, after.part, after.path)
    assert storage.engine.page_of_trash(TrashFilter(), limit=5, after=gone) == ([], None)
