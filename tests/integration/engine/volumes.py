"""File systems of other kinds, mounted for a test; what is not installed here skips it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REFUSING = ("bindfs", "mergerfs")
"""File systems that refuse `RENAME_NOREPLACE`."""


@contextmanager
def mounted(kind: str, place: Path) -> Iterator[Path]:
    """Mount a file system of a kind at `place`, which is made, as a context. Skips what cannot be had here.

    What bindfs and mergerfs show is in `<place>.below`, and what lies in the lower layer of an overlay in
    `<place>.lower`: both may be filled before.
    """
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    for directory in (place, _beside(place, "below"), _beside(place, "lower")):
        directory.mkdir(parents=True, exist_ok=True)
    with _mount(kind, place):
        yield place


@contextmanager
def _mount(kind: str, place: Path) -> Iterator[None]:
    match kind:
        case "tmpfs":
            command = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(place)]
        case "bind":
            command = ["mount", "--bind", str(_beside(place, "below")), str(place)]
        case "bindfs" | "mergerfs":
            command = [kind, str(_beside(place, "below")), str(place)]
        case "overlay":
            with mounted("tmpfs", _beside(place, "layers")) as layers:
                for name in ("upper", "work"):
                    (layers / name).mkdir()
                places = {"lowerdir": _beside(place, "lower"), "upperdir": layers / "upper"}
                options = ",".join(f"{key}={value}" for key, value in places.items())
                yield from _run(
                    [*["mount", "-t", "overlay", "overlay", "-o"], f"{options},workdir={layers}/work"], place
                )
            return
        case "btrfs" | "xfs" | "ext4":
            image = _beside(place, "image")
            with image.open("wb") as file:
                file.truncate(320 << 20)
            _need(f"mkfs.{kind}")
            subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)
            command = ["mount", "-o", "loop", str(image)]
        case _:
            raise ValueError(kind)
    if str(place) not in command:
        command.append(str(place))
    yield from _run(command, place)


def _run(command: list[str], place: Path) -> Iterator[None]:
    _need(command[0])
    if command[-1] != str(place):
        command.append(str(place))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def _need(command: str) -> None:
    if shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip(f"{command} is not installed")


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(f"{place.name}.{suffix}")
