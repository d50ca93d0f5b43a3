"""Trees: what is measured on. One storage with the area `media`, made by a C program since it may be large."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCE = Path(__file__).with_name("loop.c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a tree looks. In each of the first `due_directories`, `due_files` are expired, not the same ones."""

    directories: int
    files: int
    """In each directory."""
    due_directories: int = 0
    due_files: int = 0
    bytes: int = 0
    """Size of each file."""


class Digest(NamedTuple):
    """What is in a tree, to tell whether two are the same."""

    files: int
    directories: int
    sum: str


class Tree:
    """A storage with one area, and the C program beside it."""

    def __init__(self, base: Path, shape: Shape, loop: Path) -> None:
        self.base = base
        self.shape = shape
        self.loop = loop
        self.is_worn = False
        """Whether something may have been removed from it."""

    @property
    def area(self) -> Path:
        """Where the files are."""
        return self.base / "media"

    def build(self, *, only_due: bool = False) -> None:
        """Make what is missing, or only of what is due."""
        shape = self.shape
        (self.base / "others").mkdir(parents=True, exist_ok=True)
        numbers = (shape.directories, shape.files, shape.due_directories, shape.due_files, shape.bytes)
        command = [self.loop, "build", self.area, *numbers, int(only_due)]
        subprocess.run([str(word) for word in command], check=True)

    def build_others(self, count: int) -> None:
        """Make so many files in which nothing is due, beside the area, a hundred in each directory."""
        numbers = (-(-count // 100), min(100, count), 0, 0, 0, 0)
        command = [self.loop, "build", self.base / "others", *numbers]
        subprocess.run([str(word) for word in command], check=True)

    def digest(self) -> Digest:
        """Return what is there."""
        command = [str(self.loop), "digest", str(self.area)]
        files, directories, total = subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.split()
        return Digest(int(files), int(directories), total)

    def forget(self) -> None:
        """Remove what the engine remembers, and what waits in its trash."""
        shutil.rmtree(self.base / ".shelflife", ignore_errors=True)
        shutil.rmtree(self.area / ".trash", ignore_errors=True)


@contextmanager
def planted(shape: Shape, place: Path | None) -> Iterator[Tree]:
    """Make a tree below `place` (a directory, default: the one for temporary files) and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="shelflife-bench-", dir=place) as name:
        loop = Path(name) / "loop"
        subprocess.run(["cc", "-O2", "-o", str(loop), str(_SOURCE)], check=True)
        tree = Tree(Path(name) / "storage", shape, loop)
        tree.build()
        yield tree
