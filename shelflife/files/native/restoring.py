"""Bringing back out of the trash, compiled: `shelflife_list`, `_count` and `_bring_back` of restoring.c."""

from __future__ import annotations

import os
from array import array
from ctypes import CDLL, POINTER, byref, c_char_p, c_int, c_int64, c_void_p, string_at
from struct import Struct
from typing import TYPE_CHECKING, Final

from shelflife.files.candidates import Candidates
from shelflife.files.coming import Came, Coming, Waiting
from shelflife.files.listing import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shelflife.files.anchor import Anchor

_MOST: Final = 20_000
"""Entries that are listed at once, about."""

_HEAD: Final = Struct("=6q")
_COMING: Final = Struct("=2q")


class NativeRestoring:
    """`Restoring` in C."""

    def __init__(self, library: CDLL) -> None:
        """Take the library of the compiled primitives."""
        self._list = library.shelflife_list
        self._list.restype = c_int64
        self._list.argtypes = [c_int, c_int64, POINTER(c_void_p)]
        self._free = library.shelflife_free
        self._free.restype = None
        self._free.argtypes = [c_void_p]
        self._count = library.shelflife_count
        self._count.restype = c_int64
        self._count.argtypes = [c_int, c_char_p]
        self._bring_back = library.shelflife_bring_back
        self._bring_back.restype = None
        self._bring_back.argtypes = [c_int, c_int, c_int64, c_void_p, c_int64, c_void_p, c_void_p]

    def waiting(self, fd: int) -> Iterator[Waiting]:
        """See `Restoring`."""
        more = True
        while more:
            result = c_void_p()
            length = self._list(fd, _MOST, byref(result))
            if length < 0:
                raise MemoryError
            try:
                packed = string_at(result.value or 0, length)
            finally:
                self._free(result)
            error, count, children, names, more, child_names = _HEAD.unpack_from(packed)
            if error:
                raise OSError(error, os.strerror(error))
            yield _waiting(packed[_HEAD.size :], count, children, names, child_names)

    def count(self, anchor: Anchor, path: str) -> int:
        """See `Restoring`; -1 where a path is too long for a system call."""
        return int(self._count(anchor.fd, os.fsencode(path)))

    def bring_back(self, trash: Anchor, home: Anchor, coming: Sequence[Coming], until: int) -> list[Came]:
        """See `Restoring`."""
        given = bytearray(b"".join([_packed(one) for one in coming]))
        answers = array("q", bytes(16 * len(coming)))
        codes = array("i", bytes(4 * sum(len(one.entries) for one in coming) + 4))
        self._bring_back(
            *(trash.fd, home.fd, len(coming), _address(given), until),
            *(answers.buffer_info()[0], codes.buffer_info()[0]),
        )
        found, position = [], 0
        for number, one in enumerate(coming):
            error, done = answers[2 * number], answers[2 * number + 1]
            found.append(Came(error, codes[position : position + done]))
            position += len(one.entries)
        return found


def _address(buffer: bytearray) -> object:
    return (c_int * 0).from_buffer(buffer)


def _waiting(packed: bytes, count: int, children: int, names: int, child_names: int) -> Waiting:
    """Take apart what follows the numbers of a list."""
    facts, inodes = 24 * count, 8 * children
    kinds = facts + inodes
    start = kinds + count
    end = start + names
    nothing = bytes(8 * children)
    return Waiting(
        Candidates(packed[start:end], packed[:facts], bytes(8 * count), packed[kinds:start]),
        Candidates(
            packed[end : end + child_names],
            packed[facts:kinds] + nothing + nothing,
            nothing,
            bytes([EntryKind.DIRECTORY]) * children,
        ),
    )


def _packed(coming: Coming) -> bytes:
    entries = coming.entries
    texts = _padded(os.fsencode(coming.source)) + _padded(os.fsencode(coming.home))
    head = _COMING.pack(len(entries), len(entries.names))
    return b"".join((head, texts, entries.inodes, _padded(entries.kinds + entries.names)))


def _padded(text: bytes) -> bytes:
    """Return a text with at least one NUL after it, so many that what follows is aligned."""
    return text + bytes(8 - len(text) % 8)
