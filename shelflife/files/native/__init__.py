"""The compiled primitives (primitives.c), called through ctypes, which lets go of the GIL for each call.

The library is built when the package is installed, if there is a C compiler, and lies beside this file. It knows
nothing of Python, so one build serves every version of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, string_at
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final

from shelflife.clock import HOUR
from shelflife.files.listing import FOREVER, clamp
from shelflife.files.native.packed import readings_of
from shelflife.files.reading import MOST_DUE, Flag, Manner, Reading, RemovalTask, Search, TaskResult
from shelflife.files.survey import KEY_SIZE
from shelflife.policy.rules.times import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.anchor import Anchor
    from shelflife.files.known import Known

LIBRARY: Final = Path(__file__).with_name("primitives.compiled")

_VERSION: Final = 8
"""As in primitives.c: a library of another version is left alone."""

_PATIENCE: Final = 20_000_000
"""Nanoseconds for which one call reads on."""

_NUMBER: Final = Struct("=q")
_TASK: Final = Struct("=7q")
"""A task without its device and key, which come first."""
_ANSWER: Final = Struct("=9q")

_KNOWN: Final = Struct("=2q")
"""What is known of a directory, behind its key."""

_NOTHING_KNOWN: Final = bytes(KEY_SIZE + _KNOWN.size)

_RULES: Final = ("is_root", "left_out", "age", "cutoff", "early", "most_due", "threads")


class _Rules(Structure):
    _fields_ = (*((name, c_int64) for name in _RULES), ("noise", c_char_p))


class _Removal(Structure):
    _fields_ = tuple((name, c_int64) for name in ("age", "in_use", "until", "looks", "uid", "gid"))


def load(path: Path = LIBRARY) -> Native | None:
    """Return the compiled primitives; None where they were not built, or do not fit."""
    with suppress(OSError, AttributeError):
        library = CDLL(str(path))
        if library.shelflife_version() == _VERSION:
            return Native(library)
    return None


class Native:
    """`Primitives` in C."""

    is_compiled = True

    def __init__(self, library: CDLL) -> None:
        self.library = library
        self._stand = library.shelflife_stand
        self._stand.restype = None
        self._stand.argtypes = [c_int, c_int64, c_char_p, c_char_p, c_int64, POINTER(c_int), c_void_p]
        self._read = library.shelflife_read
        self._read.restype = c_int64
        self._read.argtypes = [
            *(c_int, c_char_p, c_int64, POINTER(_Rules), c_char_p, c_int64, POINTER(c_int)),
            *(POINTER(c_void_p), POINTER(c_int64)),
        ]
        self._free = library.shelflife_free
        self._free.restype = None
        self._free.argtypes = [c_void_p]
        self._remove = library.shelflife_remove
        self._remove.restype = c_int
        self._remove.argtypes = [
            *(c_int, c_char_p, c_int, c_int64, c_void_p),
            *(POINTER(_Removal), c_void_p, c_void_p),
        ]

    def stand(self, anchor: Anchor, paths: bytes, keys: bytes, stop: Flag) -> bytes:
        """See `Primitives`."""
        count = len(keys) // KEY_SIZE
        mask = bytearray(count)
        place = _address(mask) if mask else None
        self._stand(anchor.fd, anchor.identity.device, paths, keys, count, byref(stop.value), place)
        return bytes(mask)

    def read(self, anchor: Anchor, paths: Sequence[str], search: Search, stop: Flag) -> list[Reading]:
        """See `Primitives`."""
        native = search.native
        assert native is not None  # noqa: S101 - where values do not say it all, nobody asks compiled code
        cutoff = -FOREVER if native.cutoff is None else native.cutoff
        hour = -(-cutoff // HOUR)  # the first that is wholly past the cutoff
        rules = _Rules(
            left_out=len(search.area.left_out),
            age=native.age,
            cutoff=cutoff,
            early=clamp(hour * HOUR),
            most_due=MOST_DUE,
            threads=search.workers,
            noise=_packed_patterns(native.noise),
        )
        known = [search.known.get(path) for path in paths]
        result, length = c_void_p(), c_int64()
        done = self._read(
            *(anchor.fd, os.fsencode("\0".join(paths)), len(paths), byref(rules)),
            b"".join([_NOTHING_KNOWN if one is None else _packed_known(one, hour) for one in known]),
            *(_PATIENCE, byref(stop.value), byref(result), byref(length)),
        )
        if done < 0:
            raise MemoryError
        try:
            packed = string_at(result.value or 0, length.value)
        finally:
            self._free(result)
        return readings_of(packed, known[:done], native, search.cutoffs)

    def remove(self, anchor: Anchor, tasks: Sequence[RemovalTask], manner: Manner) -> list[TaskResult]:
        """See `Primitives`."""
        total = sum(len(task.entries) for task in tasks)
        answers = bytearray(_ANSWER.size * len(tasks))
        fates = bytearray(total + 1)
        given = bytearray(b"".join([_packed(task) for task in tasks]))
        area = manner.area
        removal = _Removal(
            age=KINDS[area.rules.age_from],
            in_use=area.in_use,
            until=manner.until,
            looks=manner.looks,
            uid=manner.owner[0],
            gid=manner.owner[1],
        )
        error = self._remove(
            *(anchor.base, os.fsencode(anchor.place), anchor.fd, len(tasks), _address(given)),
            *(byref(removal), _address(answers), _address(fates)),
        )
        if error:
            return [TaskResult(error, b"")] * len(tasks)
        found, position = [], 0
        for task, answer in zip(tasks, _ANSWER.iter_unpack(answers), strict=True):
            code, done, files, size, links, freed, inodes, pruned, stranded = answer
            known = bytes(fates[position : position + done])
            counts = (files, size, links, freed, inodes)
            found.append(TaskResult(code, known, *counts, bool(pruned), bool(stranded)))
            position += len(task.entries)
        return found


def _address(buffer: bytearray) -> object:
    return (c_int * 0).from_buffer(buffer)


def _packed_patterns(patterns: Sequence[str]) -> bytes:
    return b"".join([os.fsencode(pattern) + b"\0" for pattern in patterns]) + b"\0"


def _packed_known(known: Known, hour: int) -> bytes:
    """Return a key, how many files are of hours before `hour`, and which file is the oldest."""
    return known.key + _KNOWN.pack(known.files_before(hour), known.oldest_inode)


def _packed(task: RemovalTask) -> bytes:
    entries = task.entries
    device = _NUMBER.pack(task.device)
    moves = task.target is not None
    flags = (task.same, task.empty, moves, task.whole)
    rest = _TASK.pack(task.cutoff, *flags, len(entries), len(entries.names))
    names = entries.kinds + entries.names
    texts = _padded(os.fsencode(task.path)) + _padded(os.fsencode(task.target or ""))
    return b"".join((device, task.key, rest, texts, entries.facts, _padded(names)))


def _padded(text: bytes) -> bytes:
    """Return a text with at least one NUL after it, so many that what follows is aligned."""
    return text + bytes(8 - len(text) % 8)
