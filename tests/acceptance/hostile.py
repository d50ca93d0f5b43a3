"""A process that is up to no good beside a cleanup.

    python -m tests.acceptance.hostile AREA OUTSIDE SECONDS SEED

It makes expired files, and the moment they are there does with them what breaks cleanups: replaces them by
young ones, appends to them, takes their names as soon as they are free, swaps their directories for symbolic
links to elsewhere, moves directories out of the area and back. Whatever it writes that must stay it notes with
its content; never does it destroy any of that itself. Prints what it did and what must be there as JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FILES = 40
"""Expired files in each directory."""

_OLD = 1_500_000_000


class Hostile:
    """Attacks directories of an area, one after the other."""

    def __init__(self, area: Path, outside: Path, seed: int) -> None:
        self.area = area
        self.outside = outside
        self.random = random.Random(seed)
        self.attempts: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.kept: dict[str, str] = {}
        """Content → path below the area where it was put."""
        self._number = 0

    def run(self, seconds: float) -> None:
        """Attack until the time is over."""
        attacks: tuple[Callable[[Path], None], ...] = (
            self.replace_by_young,
            self.append,
            self.take_name,
            self.swap_for_link,
            self.move_out,
            self.add_young,
            self.replace_by_link,
            self.make_empty_again,
            self.chase,
        )
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            directory = self._directory()
            pause = time.monotonic() + self.random.random() * 0.004
            while time.monotonic() < pause:
                pass
            for _ in range(4):
                attack = self.random.choice(attacks)
                self.attempts[attack.__name__] += 1
                with suppress(FileNotFoundError, NotADirectoryError):
                    attack(directory)
                    self.hits[attack.__name__] += 1

    def _directory(self) -> Path:
        self._number += 1
        made = self.area.parent / f"new-{self._number}"  # moved in when it is complete
        made.mkdir()
        for number in range(FILES):
            file = made / f"{number}.bin"
            file.write_bytes(b"expired")
            os.utime(file, (_OLD, _OLD))
        directory = self.area / f"{self._number}"
        made.rename(directory)
        return directory

    def _content(self) -> str:
        return f"keep {self._number}-{self.random.getrandbits(60):x};"

    def _any(self) -> str:
        return f"{self.random.randrange(FILES)}.bin"

    # -- attacks: each either does what it notes, or raises before it noted anything

    def replace_by_young(self, directory: Path, name: str = "") -> None:
        """Put a young file in the place of an expired one."""
        name, content = name or self._any(), self._content()
        if (directory / name).read_bytes() != b"expired":
            raise FileNotFoundError
        young = self.area / f"young-{self._number}-{self.random.getrandbits(60):x}"
        young.write_bytes(content.encode())
        try:
            os.replace(young, directory / name)
            self.kept[content] = f"{directory.name}/{name}"
        finally:
            young.unlink(missing_ok=True)

    def chase(self, directory: Path) -> None:
        """Replace or continue one expired file after the other, in the order of the directory.

        A cleanup that comes along meets it somewhere on the way, now and then in the very file it is at.
        """
        until = time.monotonic() + 0.15
        names = [name for name in os.listdir(directory) if name.endswith(".bin")]
        for name in names * 3:
            if time.monotonic() > until:
                return
            pause = time.monotonic() + self.random.random() * 0.004
            while time.monotonic() < pause:
                pass
            with suppress(FileNotFoundError):
                self.attempts["chased files"] += 1
                if self.random.random() < 0.5:
                    self.replace_by_young(directory, name)
                else:
                    self.append(directory, name)
                self.hits["chased files"] += 1

    def append(self, directory: Path, name: str = "") -> None:
        """Write on at the end of an expired file."""
        with open(directory / (name or self._any()), "r+b") as file:
            if file.read() == b"expired":
                content = self._content()
                file.write(content.encode())
                file.flush()
                self.kept[content] = f"{directory.name}/{os.path.basename(file.name)}"

    def take_name(self, directory: Path) -> None:
        """Take the name of a file as soon as it is free."""
        name = self._any()
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            with suppress(FileExistsError):
                fd = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                content = self._content()
                os.write(fd, content.encode())
                os.close(fd)
                self.kept[content] = f"{directory.name}/{name}"
                return
        raise FileNotFoundError

    def swap_for_link(self, directory: Path) -> None:
        """Swap a directory for a symbolic link to elsewhere, and back."""
        aside = directory.with_name(f"aside-{self._number}-{self.random.getrandbits(30):x}")
        os.rename(directory, aside)
        with suppress(FileExistsError):
            directory.symlink_to(self.outside)
        time.sleep(self.random.random() * 0.005)
        with suppress(FileNotFoundError):
            directory.unlink()
        os.rename(aside, directory)

    def move_out(self, directory: Path) -> None:
        """Move a directory out of the area, and back."""
        away = self.area.parent / f"away-{self._number}-{self.random.getrandbits(30):x}"
        os.rename(directory, away)
        time.sleep(self.random.random() * 0.005)
        os.rename(away, directory)

    def add_young(self, directory: Path) -> None:
        """Add a young file."""
        name = f"added-{self.random.getrandbits(60):x}"
        content = self._content()
        (directory / name).write_bytes(content.encode())
        self.kept[content] = f"{directory.name}/{name}"

    def replace_by_link(self, directory: Path) -> None:
        """Put a symbolic link to elsewhere in the place of an expired file."""
        link = self.area / f"link-{self._number}-{self.random.getrandbits(60):x}"
        link.symlink_to(self.outside / "canary")
        try:
            if (directory / (name := self._any())).read_bytes() == b"expired":
                os.replace(link, directory / name)
        finally:
            link.unlink(missing_ok=True)

    def make_empty_again(self, directory: Path) -> None:
        """Remove an empty directory in it, as the cleanup does, and make one."""
        below = directory / "below"
        with suppress(FileExistsError):
            below.mkdir()
        with suppress(OSError):
            below.rmdir()


def main() -> None:
    """Attack, and tell."""
    hostile = Hostile(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[4]))
    hostile.run(float(sys.argv[3]))
    json.dump({"attempts": hostile.attempts, "hits": hostile.hits, "kept": hostile.kept}, sys.stdout)


if __name__ == "__main__":
    main()
