"""Draw `docs/images/terminal.png`: a session on a terminal, with the program's real output.

    python scripts/terminal_picture.py /srv/media docs/images/terminal.png

The directory must not exist; it is filled with real media (`scripts/fill_storage.py`) and left there to look at.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    sys.exit(f"{error}: drawing needs the package pillow (the extra `media`)")

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS: Final = 96
CONFIG: Final = """\
storage:
  areas:
    uploads: {trash: 7d}
"""
FONTS: Final = Path("/usr/share/fonts/truetype/dejavu")
SIZE: Final = 14
MARGIN: Final = 22
LEADING: Final = 19
GROUND: Final = "#0d1117"
COLOURS: Final = {
    "": "#d0d7de",
    "1": "#ffffff",
    "2": "#7d8590",
    "32": "#7ee787",
    "1;33": "#e3b341",
    "1;31": "#ff7b72",
}
STYLE: Final = re.compile(r"\x1b\[([0-9;]*)m")
PROGRESS: Final = re.compile(r"\r[^\n\r]*(?=\r)|\r\x1b\[K|\r")


class Piece(NamedTuple):
    """Text in one style."""

    text: str
    style: str = ""


def typed(command: str, directory: Path) -> Iterator[str]:
    """Yield the lines of a command and of what it prints."""
    yield f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m"
    out, terminal = pty.openpty()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "TERM": "xterm",
        "COLUMNS": str(COLUMNS),
    }
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    words = [sys.executable, "-m", *command.split()]
    process = subprocess.Popen(words, cwd=directory, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    printed = b""
    while chunk := _read(out):
        printed += chunk
    os.close(out)
    process.wait()
    shown = PROGRESS.sub("", printed.decode().replace("\r\n", "\n"))
    yield from shown.rstrip("\n").split("\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # so a terminal says that nobody writes to it any more
        return b""


def session(directory: Path) -> Iterator[str]:
    """Yield the lines of the session in the picture."""
    yield from (plan := list(typed("shelflife plan", directory)))
    number = re.search(r"--approve (\w+)", "\n".join(plan))
    uploads = sorted((directory / "storage/uploads").glob("*.mp4"), key=lambda path: path.stat().st_mtime)
    oldest = uploads[0].relative_to(directory)
    yield from typed(f"shelflife cleanup --approve {number and number[1]}", directory)
    yield from typed(f"shelflife why {oldest}", directory)
    yield from typed(f"shelflife trash restore {oldest.relative_to('storage')}", directory)
    yield from typed("shelflife status", directory)


def pieces(line: str) -> list[Piece]:
    """Return a line with its styles."""
    parts = STYLE.split(line)
    styles = ["", *("" if code == "0" else code for code in parts[1::2])]
    return [Piece(text, style) for text, style in zip(parts[::2], styles, strict=True) if text]


def wrapped(line: list[Piece]) -> list[list[Piece]]:
    """Return the rows that a line takes, as a terminal breaks one that is too long."""
    rows: list[list[Piece]] = [[]]
    room = COLUMNS
    for piece in line:
        text = piece.text
        while text:
            if not room:
                rows.append([])
                room = COLUMNS
            rows[-1].append(Piece(text[:room], piece.style))
            text, room = text[room:], max(0, room - len(text))
    return rows


def draw(lines: list[list[Piece]]) -> Image.Image:
    """Return the picture of lines."""
    plain = ImageFont.truetype(FONTS / "DejaVuSansMono.ttf", SIZE)
    bold = ImageFont.truetype(FONTS / "DejaVuSansMono-Bold.ttf", SIZE)
    cell = plain.getlength("m")
    picture = Image.new("RGB", (int(COLUMNS * cell) + 2 * MARGIN, len(lines) * LEADING + 2 * MARGIN), GROUND)
    canvas = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        at = float(MARGIN)
        for text, style in line:
            font = bold if style.split(";")[0] == "1" else plain
            canvas.text((at, MARGIN + row * LEADING), text, COLOURS.get(style, COLOURS[""]), font)
            at += cell * len(text)
    return picture


def main() -> None:
    """Fill a storage, hold the session, and draw it."""
    directory, target = Path(sys.argv[1]), Path(sys.argv[2])
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(CONFIG)
    script = Path(__file__).with_name("fill_storage.py")
    filled = ["--config", str(directory / "config.yaml"), "--files", "3000"]
    subprocess.run([sys.executable, script, *filled], check=True, stdout=subprocess.DEVNULL)
    draw([row for line in session(directory) for row in wrapped(pieces(line))]).save(target, optimize=True)


if __name__ == "__main__":
    main()
