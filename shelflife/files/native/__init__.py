"""The compiled primitives (primitives.c), called through ctypes, which lets go of the GIL for each call.

The library is built when the package is installed, if there is a C compiler, and lies beside this file. It knows
nothing of Python, so one build serves every version of it.
"""

from __future__ import annotations

import os
from array import array
from contextlib import suppress
from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, string_at
from functools import partial
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final

from shelflife.files.candidates import Candidates
from shelflife.files.reading import MOST_DUE, Answer, Flag, Manner, Reading, Task
from shelflife.files.survey import FOREVER, Key, Survey
from shelflife.policy.area import Area
from shelflife.settings import AgeFrom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.files.anchor import Anchor

LIBRARY: Final = Path(__file__).with_name("primitives.compiled")

_VERSION: Final = 1
"""As in primitives.c: a library of another version is left alone."""

_PATIENCE: Final = 20_000_000
"""Nanoseconds for which one call reads on."""

_HEADER: Final = Struct("=31q")
_TASK: Final = Struct("=8q")
_ANSWER: Final = Struct("=8q")


class _Rules(Structure):
    _fields_ = tuple((name, c_int64) for name in ("is_root", "changed", "cutoff", "most_due"))


class _Removal(Structure):
    _fields_ = tuple((name, c_int64) for name in ("cutoff", "changed", "in_use", "until"))


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
        self._stand = library.shelflife_stand
        self._stand.restype = None
        self._stand.argtypes = [c_int, c_int64, c_char_p, c_char_p, c_int64, POINTER(c_int), c_void_p]
        self._read = library.shelflife_read
        self._read.restype = c_int64
        self._read.argtypes = [
            *(c_int, c_char_p, c_int64, POINTER(_Rules), c_int64, POINTER(c_int)),
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

    def stand(self, anchor: Anchor, paths: Sequence[bytes], keys: array[int], stop: Flag) -> bytes:
        """See `Primitives`."""
        mask = bytearray(len(paths))
        place = (c_int * 0).from_buffer(mask) if mask else None
        joined = b"\0".join(paths)
        self._stand(
            anchor.fd, anchor.identity.device, joined, keys.tobytes(), len(paths), byref(stop.value), place
        )
        return bytes(mask)

    def read(
        self, anchor: Anchor, paths: Sequence[str], area: Area, cutoff: int | None, stop: Flag
    ) -> list[Reading]:
        """See `Primitives`."""
        rules = _Rules(
            changed=area.age_from is AgeFrom.CHANGED,
            cutoff=-FOREVER if cutoff is None else cutoff,
            most_due=MOST_DUE,
        )
        result, length = c_void_p(), c_int64()
        done = self._read(
            *(anchor.fd, os.fsencode("\0".join(paths)), len(paths), byref(rules), _PATIENCE),
            *(byref(stop.value), byref(result), byref(length)),
        )
        if done < 0:
            raise MemoryError
        try:
            packed = string_at(result.value or 0, length.value)
        finally:
            self._free(result)
        return _readings(packed, done, cutoff)

    def remove(self, anchor: Anchor, tasks: Sequence[Task], manner: Manner) -> list[Answer]:
        """See `Primitives`."""
        total = sum(len(task.entries) for task in tasks)
        answers = bytearray(_ANSWER.size * len(tasks))
        fates = bytearray(total + 1)
        given = bytearray(b"".join([_packed(task) for task in tasks]))
        area = manner.area
        removal = _Removal(
            cutoff=manner.cutoff,
            changed=area.age_from is AgeFrom.CHANGED,
            in_use=area.in_use,
            until=manner.until,
        )
        error = self._remove(
            *(anchor.base, os.fsencode(anchor.place), anchor.fd, len(tasks), _address(given)),
            *(byref(removal), _address(answers), _address(fates)),
        )
        if error:
            return [Answer(error, b"")] * len(tasks)
        found, position = [], 0
        for task, answer in zip(tasks, _ANSWER.iter_unpack(answers), strict=True):
            code, done, files, size, links, freed, inodes, pruned = answer
            known = bytes(fates[position : position + done])
            found.append(Answer(code, known, files, size, links, freed, inodes, bool(pruned)))
            position += len(task.entries)
        return found


def _address(buffer: bytearray) -> object:
    return (c_int * 0).from_buffer(buffer)


def _packed(task: Task) -> bytes:
    entries = task.entries
    path = os.fsencode(task.path)
    header = _TASK.pack(task.device, *task.key, task.same, task.empty, len(entries), len(entries.names))
    path += bytes(8 - len(path) % 8)
    names = entries.kinds + entries.names
    return b"".join((header, path, entries.facts, names, bytes(8 - len(names) % 8)))


def _readings(packed: bytes, count: int, cutoff: int | None) -> list[Reading]:
    found = []
    position = 0
    for _ in range(count):
        header = _HEADER.unpack_from(packed, position)
        position += _HEADER.size
        if header[0]:
            found.append(Reading(error=header[0]))
            continue
        reading, position = _reading(header, packed, position, cutoff)
        found.append(reading)
    return found


def _reading(
    header: tuple[int, ...], packed: bytes, position: int, cutoff: int | None
) -> tuple[Reading, int]:
    (
        *_,  # the error, which there is none of here
        device,
        inode,
        mtime,
        ctime,
        same,
        entries,
        staying,
        fault,
        newest,
        newest_change,
        files,
        size,
        allocated,
        first_due,
        oldest,
        rest_files,
        rest_size,
        rest_allocated,
        rest_first_due,
        rest_oldest,
        due_files,
        due_bytes,
        due_links,
        more,
        children,
        due,
        hours,
        rest_hours,
        child_names_length,
        names_length,
    ) = header
    end = position + 24 * hours
    packed_hours, position = packed[position:end], end
    end = position + 24 * rest_hours
    packed_rest_hours, position = packed[position:end], end
    end = position + child_names_length
    child_names, position = packed[position:end], end
    end = position + 8 * children
    child_inodes, position = packed[position:end], end
    survey = Survey(
        key=Key(inode, mtime, ctime),
        complete=not fault,
        errno=fault,
        entries=entries,
        files=files,
        bytes=size,
        allocated=allocated,
        staying=staying,
        first_due=first_due,
        oldest=oldest,
        newest=newest,
        newest_change=newest_change,
        packed_hours=packed_hours,
        children=_children(child_names, child_inodes) if children else {},
        due_files=due_files,
        due_bytes=due_bytes,
        due_links=due_links,
        changed=not same,
    )
    if not due_files and not due_links:
        return Reading(device=device, survey=survey, cutoff=cutoff), position
    due_names = packed[position : position + names_length]
    position += names_length
    facts = packed[position : position + 24 * due]
    position += 24 * due
    candidates = Candidates(
        due_names,
        facts,
        packed[position : position + 8 * due],
        packed[position + 8 * due : position + 9 * due],
    )
    rest = partial(
        Survey,
        key=survey.key,
        complete=survey.complete,
        errno=fault,
        entries=entries - due_files - due_links,
        files=rest_files,
        bytes=rest_size,
        allocated=rest_allocated,
        staying=staying,
        first_due=rest_first_due,
        oldest=rest_oldest,
        newest=newest,
        newest_change=newest_change,
        packed_hours=packed_rest_hours,
        children=survey.children,
        changed=not same,
    )
    reading = Reading(device=device, survey=survey, rest=rest, due=candidates, cutoff=cutoff, more=bool(more))
    return reading, position + 9 * due


def _children(names: bytes, inodes: bytes) -> dict[str, int]:
    numbers = [number % 2**64 for number in array("q", inodes)]
    return dict(zip(os.fsdecode(names).split("/"), numbers, strict=True))
