from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shelflife.files import anchor as module
from shelflife.files import kernel
from shelflife.files.anchor import Anchor, identity_of, parent_of
from tests.integration.engine.users import needs_root

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.parametrize("use_openat2", [True, False], ids=["openat2", "by component"])


@pytest.fixture
def base(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "area/a/b").mkdir(parents=True)
    (tmp_path / "outside/b").mkdir(parents=True)
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.fixture
def area(base: int, use_openat2: bool) -> Iterator[Anchor]:
    with Anchor.open(base, "area", use_openat2=use_openat2) as anchor:
        yield anchor


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _code(anchor: Anchor, path: str) -> int | None:
    try:
        with anchor.directory(path):
            return None
    except OSError as error:
        return error.errno


@pytest.mark.parametrize("path", ["", "a/", "a/b/"])
def test_a_directory_below_is_opened(area: Anchor, tmp_path: Path, path: str) -> None:
    with area.directory(path) as fd:
        assert os.fstat(fd).st_ino == _inode(tmp_path / "area" / path)
        assert not os.get_inheritable(fd)
    assert area.stat(path).st_ino == _inode(tmp_path / "area" / path)


def test_what_is_opened_is_closed(area: Anchor, tmp_path: Path) -> None:
    (tmp_path / "area/link").symlink_to("a")
    before = os.listdir("/proc/self/fd")
    with area.directory("a/b/"):
        pass
    _code(area, "link/b/")
    _code(area, "none/")
    assert area.verify("a/", area.identity) is False
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("../outside/", {errno.EXDEV}),
        ("a/../../outside/", {errno.EXDEV}),
        ("link/", {errno.ELOOP, errno.ENOTDIR}),
        ("link/b/", {errno.ELOOP, errno.ENOTDIR}),
        ("a/inner/", {errno.ELOOP, errno.ENOTDIR}),
        ("absolute/", {errno.ELOOP, errno.ENOTDIR}),
        ("file/", {errno.ENOTDIR}),
        ("none/", {errno.ENOENT}),
        ("fifo/", {errno.ENOTDIR}),
    ],
)
def test_no_way_leads_out_and_no_link_is_followed(
    area: Anchor, tmp_path: Path, path: str, codes: set[int]
) -> None:
    root = tmp_path / "area"
    (root / "link").symlink_to("../outside")
    (root / "a/inner").symlink_to("b")
    (root / "absolute").symlink_to(tmp_path / "outside")
    (root / "file").touch()
    os.mkfifo(root / "fifo")
    assert _code(area, path) in codes


@pytest.mark.parametrize(
    ("directory", "codes"),
    [("link", {errno.ELOOP, errno.ENOTDIR}), ("link/b", {errno.ELOOP, errno.ENOTDIR}), ("..", {errno.EXDEV})],
)
def test_an_area_is_not_reached_through_a_link_nor_outside_of_the_base(
    base: int, tmp_path: Path, directory: str, codes: set[int], use_openat2: bool
) -> None:
    (tmp_path / "link").symlink_to("outside")
    code = None
    try:
        Anchor.open(base, directory, use_openat2=use_openat2).close()
    except OSError as error:
        code = error.errno
    assert code in codes


def test_a_directory_in_its_place_is_verified(area: Anchor) -> None:
    with area.directory("a/b/") as fd:
        assert area.verify("a/b/", identity_of(fd))


def _move_it(root: Path) -> None:
    (root / "area/a/b").rename(root / "outside/c")


def _move_its_parent(root: Path) -> None:
    (root / "area/a").rename(root / "outside/a")


def _move_within(root: Path) -> None:
    (root / "area/a/b").rename(root / "area/b")


def _replace_it(root: Path) -> None:
    _move_it(root)
    (root / "area/a/b").mkdir()


def _link_to_it(root: Path) -> None:
    _move_it(root)
    (root / "area/a/b").symlink_to("../../outside/c")


def _link_to_its_parent(root: Path) -> None:
    _move_its_parent(root)
    (root / "area/a").symlink_to("../outside/a")


def _replace_the_area(root: Path) -> None:
    (root / "area").rename(root / "old")
    (root / "area/a/b").mkdir(parents=True)


def _link_to_the_area(root: Path) -> None:
    (root / "area").rename(root / "old")
    (root / "area").symlink_to("old")


@pytest.mark.parametrize(
    "change",
    [
        _move_it,
        _move_its_parent,
        _move_within,
        _replace_it,
        _link_to_it,
        _link_to_its_parent,
        _replace_the_area,
        _link_to_the_area,
    ],
)
def test_what_is_no_longer_in_its_place_is_not_verified(area: Anchor, tmp_path: Path, change: object) -> None:
    with area.directory("a/b/") as fd:
        held = identity_of(fd)
        assert callable(change)
        change(tmp_path)
        assert not area.verify("a/b/", held)


@pytest.mark.parametrize("name", ["new\nline", "x" * 255, "byte\udcff", " ", "ümläut", "\udc80" * 255, "-rf"])
def test_odd_names_are_ordinary(area: Anchor, tmp_path: Path, name: str) -> None:
    (tmp_path / "area" / name / "below").mkdir(parents=True)
    with area.directory(f"{name}/below/") as fd:
        assert area.verify(f"{name}/below/", identity_of(fd))
        assert area.stat(f"{name}/below/").st_ino == os.fstat(fd).st_ino


def _make_deep(root: Path, name: str, levels: int) -> int:
    """Make a chain of directories of one name; return the inode of the last."""
    fd = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        following = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = following
    inode = os.fstat(fd).st_ino
    os.close(fd)
    return inode


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("deep", 2000),
        ("x" * 255, 40),
        ("\udcff" * 255, 30),
        ("ü" * 127, 30),
        ("y" * 99, 40),  # 4,000 bytes with its slashes: just what one call takes
        ("z" * 98, 41),
    ],
    ids=["2000 levels", "255 bytes", "not UTF-8", "two bytes a character", "4000 bytes", "just beyond"],
)
def test_paths_longer_than_a_system_call_takes_are_reached(
    area: Anchor, tmp_path: Path, name: str, levels: int
) -> None:
    inode = _make_deep(tmp_path / "area", name, levels)
    path = f"{name}/" * levels
    with area.directory(path) as fd:
        assert os.fstat(fd).st_ino == inode
        assert area.verify(path, identity_of(fd))
    assert area.stat(path).st_ino == inode
    subprocess.run(["rm", "-rf", tmp_path / "area" / name], check=True)  # rmtree would recurse too deep


@needs_root
def test_a_mount_point_is_not_entered_but_an_area_may_be_one(
    area: Anchor, base: int, tmp_path: Path, use_openat2: bool
) -> None:
    for place in (tmp_path / "area/a/b", tmp_path / "outside"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=True)
    try:
        (tmp_path / "area/a/b/below").mkdir()
        assert _code(area, "a/b/") == errno.EXDEV
        assert _code(area, "a/b/below/") == errno.EXDEV
        with Anchor.open(base, "outside", use_openat2=use_openat2) as volume:
            assert volume.identity.device == (tmp_path / "outside").stat().st_dev
    finally:
        for place in (tmp_path / "area/a/b", tmp_path / "outside"):
            subprocess.run(["umount", place], check=True)


@needs_root
def test_openat2_sees_a_mount_of_the_same_file_system(
    area: Anchor, tmp_path: Path, use_openat2: bool
) -> None:
    """Its device is the area's own: this is what going by component cannot see, and is documented."""
    subprocess.run(["mount", "--bind", tmp_path / "outside", tmp_path / "area/a/b"], check=True)
    try:
        if use_openat2:
            assert _code(area, "a/b/") == errno.EXDEV
        else:
            with area.directory("a/b/") as fd:
                assert os.fstat(fd).st_ino == _inode(tmp_path / "outside")
    finally:
        subprocess.run(["umount", tmp_path / "area/a/b"], check=True)


def test_without_openat2_in_the_kernel_the_way_goes_by_component(
    base: int, monkeypatch: pytest.MonkeyPatch, use_openat2: bool
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(kernel, "openat2", refuse)
    with Anchor.open(base, "area", use_openat2=use_openat2) as anchor, anchor.directory("a/b/") as fd:
        assert anchor.verify("a/b/", identity_of(fd))


def test_a_directory_without_permission_is_an_error_and_no_reason_to_try_otherwise(
    area: Anchor, monkeypatch: pytest.MonkeyPatch, use_openat2: bool
) -> None:
    """EPERM is also what an old seccomp filter says to openat2 – but only if it says so everywhere."""

    def forbid(*_: object) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(kernel, "openat2", forbid)
    monkeypatch.setattr(module, "_openat2_works", lambda: True)
    if use_openat2:
        assert _code(area, "a/") == errno.EPERM


@pytest.mark.parametrize(
    ("path", "parts"),
    [("a/", ("", "a")), ("a/b/", ("a/", "b")), ("a/b/c/", ("a/b/", "c")), ("a/\n/", ("a/", "\n"))],
)
def test_a_path_is_split_into_parent_and_name(path: str, parts: tuple[str, str], use_openat2: bool) -> None:
    assert parent_of(path) == parts
