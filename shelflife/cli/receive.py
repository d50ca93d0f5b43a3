"""`shelflife receive`: take standard input into an area, if there is room for all of it."""

from __future__ import annotations

import sys
from typing import Annotated, Final

from shelflife.cli import output
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.options import Config, Json, engine_of
from shelflife.errors import UsageError

_CHUNK: Final = 1024 * 1024
"""Bytes that are read at once."""


def receive(
    target: Annotated[str, Argument("AREA/NAME", help="Where it is to be: uploads/4711/clip.mp4.")],
    size: Annotated[
        str | None,
        Option("--size", metavar="N", help="Exactly how many bytes will come: room for all is kept at once."),
    ] = None,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace a file of that name, which goes to the area's trash.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Take standard input into an area as one file.

    What does not fit is refused with exit code 5; if its size is known, before anything is read. Until all of it
    has come the file has no name, and whatever ends it before leaves nothing behind.

    Example: shelflife receive uploads/4711/clip.mp4 --size 314572800 < clip.mp4
    """
    area, _, name = target.partition("/")
    if not name:
        raise UsageError(f"{target}: give an area and a name in it, such as uploads/4711/clip.mp4")
    engine = engine_of(config)
    expected = None if size is None else _size_of(size)
    with engine.receive(area, name, size=expected) as incoming:
        while chunk := sys.stdin.buffer.read(_CHUNK):
            incoming.write(chunk)
        received = incoming.size
        if expected not in (None, received):
            raise UsageError(f"{received:,} bytes came, not {expected:,}: nothing was published")
        path = incoming.publish(overwrite=overwrite)
    if as_json:
        from shelflife.shapes.received import received_as_json

        output.print_json(received_as_json(str(path.relative_to(engine.settings.base_path)), received))
    else:
        output.print_line(f"{path} ({received:,} bytes)")
    return 0


def _size_of(text: str) -> int:
    from shelflife.settings.quantities import parse_size

    try:
        return int(text) if text.isdecimal() else parse_size(text)
    except ValueError as error:
        raise UsageError(f'--size "{text}": {error}') from None
