"""Fill a storage with real media of all five areas, to try out what retention does with them.

Eight short videos are drawn, encoded, decoded again, and worked through as the service would: frames, contact
sheet, results. The many media that are written are copies of these eight – real files of their own, no links.
Every file opens, and says whose it is by a label inside (a JPEG comment, a free MP4 box): id, label and time
are all that differs between two media of the same video.

Their times are spread evenly over the days before `--now`, the oldest medium first, as if no cleanup had ever
run. All files of one medium are a few seconds apart. Where `--files` ends in the midst of a medium, that one,
the newest, is still being processed.

Only modification times can be set: areas with `age_from: changed` take every file for new.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shelflife.clock import SECOND
from shelflife.engine import Engine
from shelflife.errors import ShelflifeError, StorageError, UsageError
from shelflife.formats import human_size
from shelflife.policy.choose import by_retention
from shelflife.policy.rules import KEEP_FILE
from shelflife.settings import DEFAULT_RETENTION, Settings, find_config, format_duration, load_settings

try:
    import av
    from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat
except ImportError as error:
    sys.exit(f"{error}: drawing media needs the packages av and pillow (the extra `media`)")

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

CLIPS: Final = 8
RATE: Final = 24
"""Frames per second of the videos; every second one is extracted."""
VIDEO: Final = (640, 360)
FRAME: Final = (320, 180)
THUMBNAIL: Final = (160, 90)
"""Half a frame."""
COLUMNS: Final = 6
"""Thumbnails in a row of a contact sheet."""

YOUNGEST: Final = 120.0
"""Seconds: every medium arrived at least so long ago, so that no file's time is in the future."""
HEADROOM: Final = 1.1
"""What must be free, as a multiple of what will be written."""


# -- clips: the distinct media


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One video and everything that processing it yields."""

    video: bytes
    """MP4."""
    frames: tuple[bytes, ...]
    """The extracted frames, as JPEG."""
    raw: tuple[bytes, ...]
    """The first thumbnails as plain 8-bit grey pixels: what processing leaves in `temp`."""
    sheet: bytes
    """The contact sheet, as JPEG."""
    analysis: Mapping[str, Any]
    """Results, computed from the frames."""


def make_clip(rng: random.Random) -> Clip:
    """Draw a video of two to five seconds and process it."""
    video = _encoded(_pictures(rng, seconds=rng.randint(2, 5)))
    with av.open(io.BytesIO(video), "r") as container:
        duration = (container.duration or 0) / av.time_base
        extracted = islice(container.decode(video=0), 0, None, 2)
        frames = [_picture(frame) for frame in extracted]
    thumbnails = [frame.reduce(2) for frame in frames]
    return Clip(
        video=video,
        frames=tuple(_jpeg(frame) for frame in frames),
        raw=tuple(thumbnail.convert("L").tobytes() for thumbnail in thumbnails[:4]),
        sheet=_jpeg(_grid(thumbnails)),
        analysis=_analysis(frames, duration),
    )


def _pictures(rng: random.Random, *, seconds: int) -> Iterator[Image.Image]:
    """A gradient for each colour, all moving at their own pace, a ball, and the number of the frame."""
    wave, font = _wave(), ImageFont.load_default(64)
    paces = [rng.choice((-1, 1)) * rng.randint(3, 15) for _ in "RGB"]
    starts = [rng.randrange(VIDEO[0]) for _ in "RGB"]
    height, pace = rng.randrange(40, VIDEO[1] - 40), rng.randint(4, 12)
    for number in range(seconds * RATE):
        bands = [ImageChops.offset(wave, a + b * number, 0) for a, b in zip(starts, paces, strict=True)]
        picture = Image.merge("RGB", bands).resize(VIDEO, Image.Resampling.NEAREST)
        canvas, x = ImageDraw.Draw(picture), number * pace % VIDEO[0]
        canvas.ellipse((x - 40, height - 40, x + 40, height + 40), fill="white")
        canvas.text((20, 20), f"{number + 1:06}", font=font, fill="black")
        yield picture


def _wave() -> Image.Image:
    """One line from black to white and back: without an edge where it is wrapped around."""
    width = VIDEO[0]
    return Image.frombytes(
        "L", (width, 1), bytes(int(255 * (1 - abs(2 * x / width - 1))) for x in range(width))
    )


def _encoded(pictures: Iterable[Image.Image]) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=RATE)  # FFmpeg's own encoder: every build has it
        stream.width, stream.height = VIDEO
        stream.pix_fmt, stream.bit_rate = "yuv420p", 250_000
        stream.codec_context.thread_count = 1  # the same bytes every time
        for picture in pictures:
            container.mux(stream.encode(_video_frame(picture)))
        container.mux(stream.encode())
    return target.getvalue()


def _video_frame(picture: Image.Image) -> av.VideoFrame:
    frame: av.VideoFrame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call] # av lacks hints
    return frame


def _picture(frame: av.VideoFrame) -> Image.Image:
    width, height = FRAME
    picture: Image.Image = frame.to_image(width=width, height=height)  # type: ignore[no-untyped-call] # likewise
    return picture


def _jpeg(picture: Image.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=70)
    return target.getvalue()


def _grid(thumbnails: Sequence[Image.Image]) -> Image.Image:
    rows = -(-len(thumbnails) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * THUMBNAIL[0], rows * THUMBNAIL[1]))
    for number, thumbnail in enumerate(thumbnails):
        row, column = divmod(number, COLUMNS)
        sheet.paste(thumbnail, (column * THUMBNAIL[0], row * THUMBNAIL[1]))
    return sheet


def _analysis(frames: Sequence[Image.Image], duration: float) -> dict[str, Any]:
    brightness = [round(ImageStat.Stat(frame.convert("L")).mean[0], 2) for frame in frames]
    return {
        "duration_seconds": round(duration, 3),
        "width": VIDEO[0],
        "height": VIDEO[1],
        "frames": len(frames),
        "mean_brightness": round(sum(brightness) / len(brightness), 2),
        "frame_brightness": brightness,
    }


# -- media: what is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """One uploaded video, somewhere in the past."""

    id: str
    job: str
    """Name of its directory in `temp`."""
    clip: Clip
    chunks: int
    """Raw pieces left in `temp`."""
    broken_off: bool
    """Whether a half-written upload was left in `temp`, too."""
    arrived: int = 0
    """When its upload was complete (ns)."""


class Piece(NamedTuple):
    """One file to be written."""

    area: str
    path: str
    """Below the area's directory."""
    time: int
    """Modification time (ns)."""
    data: bytes


def make_media(
    rng: random.Random, clips: Sequence[Clip], *, files: int, days: int, now: int, taken: Collection[str]
) -> list[Medium]:
    """Return as many media as `files` files take, the oldest first; names in `taken` are left out."""
    ids, jobs = _names("", rng, taken), _names("job-", rng, taken)
    media: list[Medium] = []
    while files > 0:
        medium = Medium(
            id=next(ids),
            job=next(jobs),
            clip=rng.choice(clips),
            chunks=rng.randint(1, 4),
            broken_off=rng.random() < 0.3,
        )
        media.append(medium)
        files -= sum(1 for _ in pieces([medium]))
    step = days * 86_400 / len(media)  # one medium in each step: evenly spread, however few they are
    ages = [max(YOUNGEST, (newer + rng.random()) * step) for newer in reversed(range(len(media)))]
    return [replace(medium, arrived=now - int(age * SECOND)) for medium, age in zip(media, ages, strict=True)]


def _names(prefix: str, rng: random.Random, taken: Collection[str]) -> Iterator[str]:
    used = set(taken)
    while True:
        name = f"{prefix}{rng.getrandbits(48):012x}"
        if name not in used:
            used.add(name)
            yield name


def pieces(media: Iterable[Medium]) -> Iterator[Piece]:
    """Yield the files of each medium in the order in which they came about."""
    for medium in media:
        clip, name = medium.clip, medium.id
        clock = count(medium.arrived, SECOND // 5)
        if medium.broken_off:
            half = clip.video[: len(clip.video) // 2]
            yield Piece("temp", f"{medium.job}/{name}.mp4.part", next(clock) - 30 * SECOND, half)
        yield Piece("uploads", f"{name}.mp4", next(clock), _labelled_mp4(clip.video, name))
        for number, chunk in enumerate(clip.raw[: medium.chunks], start=1):
            yield Piece("temp", f"{medium.job}/chunk_{number:04}.raw", next(clock), chunk)
        for number, frame in enumerate(clip.frames, start=1):
            path = f"{name}/frame_{number:06}.jpg"
            yield Piece("frames", path, next(clock), _labelled_jpeg(frame, path))
        yield Piece("contact_sheets", f"{name}.jpg", next(clock), _labelled_jpeg(clip.sheet, name))
        done = next(clock)
        yield Piece("outputs", f"{name}.json", done, _results(medium, done))


def _results(medium: Medium, done: int) -> bytes:
    analysed = datetime.fromtimestamp(done // SECOND, UTC).isoformat()
    return json.dumps({"media": medium.id, "analysed": analysed, **medium.clip.analysis}, indent=2).encode()


def _labelled_jpeg(data: bytes, label: str) -> bytes:
    """A JPEG with a comment behind its first segment."""
    end = 4 + int.from_bytes(data[4:6])  # the start marker, then the first segment's marker and length
    comment = label.encode()
    return data[:end] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2) + comment + data[end:]


def _labelled_mp4(data: bytes, label: str) -> bytes:
    """An MP4 with one more box at its end, of the kind that players skip."""
    return data + (8 + len(label)).to_bytes(4) + b"free" + label.encode()


# -- the storage


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was written into one area."""

    retention: str
    files: int = 0
    bytes: int = 0
    expired: int = 0
    """Files that were past their retention at `now`."""
    expired_bytes: int = 0


def fill(
    settings: Settings, *, files: int, days: int = 60, seed: int = 0, now: int, add: bool = False
) -> dict[str, Tally]:
    """Write exactly `files` files into the areas; return what was written, by area.

    Deterministic in its arguments and what is there already (and the versions of the encoders).

    Args:
        settings: the storage; what is missing of it is created.
        files: how many; with some hundreds, every area has some.
        days: over how many days before `now` they are spread.
        seed: chooses videos, ids and times.
        now: when the newest of them are new (ns).
        add: whether to write into a storage that has files already; they are left as they are.

    Raises:
        UsageError: the settings lack one of the five areas, or the storage has files.
        StorageError: too little space.
        OSError: as writing files does; what was written stays.
    """
    engine = Engine(settings)
    if missing := DEFAULT_RETENTION.keys() - engine.areas.keys():
        raise UsageError(f"the configuration lacks areas that are filled here: {', '.join(sorted(missing))}")
    taken = frozenset(_names_in_use(engine, add=add))
    rng = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
    clips = [make_clip(rng) for _ in range(CLIPS)]
    media = make_media(rng, clips, files=files, days=days, now=now, taken=taken)
    _check_room(settings.base_path, islice(pieces(media), files))
    roots = {key: os.fspath(path) for key, path in engine.create().items()}
    written = _write(roots, islice(pieces(media), files))
    return _tallies(engine, now, _shown(written, files))


def _names_in_use(engine: Engine, *, add: bool) -> Iterator[str]:
    """Yield what is there already, without suffixes. Raises UsageError for a file, unless `add`; OSError."""
    base = engine.settings.base_path
    roots = [base / directory for area in engine.areas.values() for directory in area.directories]
    for folder, folders, names in chain.from_iterable(_walked(root) for root in roots if root.exists()):
        found = [name for name in names if name != KEEP_FILE]
        if found and not add:
            raise UsageError(
                f"the storage has files already, such as {os.path.join(folder, found[0])}; "
                "choose an empty one, or add to this one with --add"
            )
        yield from (name.partition(".")[0] for name in (*folders, *found))


def _walked(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, but what cannot be read is an error, not empty."""

    def fail(error: OSError) -> None:
        raise error

    return os.walk(root, onerror=fail)


def _check_room(base: Path, wanted: Iterable[Piece]) -> None:
    place = next(path for path in (base, *base.parents) if path.exists())
    disk = os.statvfs(place)
    sizes = [len(piece.data) for piece in wanted]
    needed = int(HEADROOM * disk.f_frsize * sum(-(-size // disk.f_frsize) for size in sizes))
    free = disk.f_bavail * disk.f_frsize
    if needed > free:
        raise StorageError(
            f"{place} has {human_size(free)} free, {human_size(needed)} are needed; write fewer --files"
        )
    if disk.f_files and disk.f_favail < HEADROOM * len(sizes):  # btrfs counts none
        raise StorageError(f"{place} has inodes for {disk.f_favail:,} more files only; write fewer --files")


def _write(roots: Mapping[str, str], wanted: Iterable[Piece]) -> Iterator[Piece]:
    """Write files, yielding each when it is there. A directory gets the time of its latest file."""
    newest = dict.fromkeys(roots.values(), 0)
    for piece in wanted:
        root = roots[piece.area]
        path = os.path.join(root, piece.path)
        folder = os.path.dirname(path)
        if folder not in newest:
            os.mkdir(folder)
        with open(path, "xb") as file:
            file.write(piece.data)
        os.utime(path, ns=(piece.time, piece.time))
        newest[folder] = newest[root] = max(newest.get(folder, 0), newest[root], piece.time)
        yield piece
    for folder, latest in newest.items():
        if latest:
            os.utime(folder, ns=(latest, latest))


def _shown(written: Iterable[Piece], total: int) -> Iterator[Piece]:
    """Pass everything on, and show the progress to a person who waits at a terminal."""
    terminal = sys.stderr.isatty()
    for number, piece in enumerate(written, start=1):
        if terminal and (number % 500 == 0 or number == total):
            print(f"\r{number:,} of {total:,} files", end="", file=sys.stderr, flush=True)
        yield piece
    if terminal:
        print(file=sys.stderr)


def _tallies(engine: Engine, now: int, written: Iterable[Piece]) -> dict[str, Tally]:
    areas = [engine.areas[key] for key in DEFAULT_RETENTION]
    cutoffs = {area.name: by_retention(area, now) for area in areas}
    tallies = {key: Tally(retention=_retention(engine.settings.areas[key].retention)) for key in cutoffs}
    for piece in written:
        tally, cutoff, size = tallies[piece.area], cutoffs[piece.area], len(piece.data)
        tally.files += 1
        tally.bytes += size
        if cutoff is not None and piece.time < cutoff.at:
            tally.expired += 1
            tally.expired_bytes += size
    return tallies


# -- the command


def summary(tallies: Mapping[str, Tally]) -> str:
    """Return what was written as a table."""
    row = "{:<15} {:>10} {:>10} {:>10} {:>10} {:>10}".format
    lines = [row("area", "files", "size", "retention", "expired", "size")]
    lines += [
        row(
            key,
            f"{t.files:,}",
            human_size(t.bytes),
            t.retention,
            f"{t.expired:,}",
            human_size(t.expired_bytes),
        )
        for key, t in tallies.items()
    ]
    sums = {name: sum(getattr(t, name) for t in tallies.values()) for name in _SUMMED}
    files, size, expired, expired_size = sums.values()
    lines.append(row("all", f"{files:,}", human_size(size), "", f"{expired:,}", human_size(expired_size)))
    return "\n".join(lines)


_SUMMED: Final = ("files", "bytes", "expired", "expired_bytes")


def _retention(seconds: int) -> str:
    return "indefinite" if seconds < 0 else format_duration(seconds)


def _settings(options: argparse.Namespace) -> Settings:
    if options.base_path is not None:
        return Settings.build(base_path=options.base_path.absolute(), areas=DEFAULT_RETENTION)
    checkout = Path(__file__).resolve().parent.parent  # and never where the service is deployed
    return load_settings(options.config or find_config([checkout, Path.cwd()]), directory=checkout)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} lacks an offset, such as in 2026-11-01T12:00:00+00:00")
    return int(moment.timestamp()) * SECOND


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Fill a storage with real media of all five areas, spread over the last weeks, to try "
        "out what retention does with them. Writes nowhere but into the areas, over no file, and into an "
        "empty storage only, unless told otherwise. 100,000 files take 1.4 GB.",
        epilog="Afterwards, `shelflife plan` shows what would go.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", metavar="FILE", help="the storage of this configuration (default: the checkout's)"
    )
    where.add_argument(
        "--base-path", type=Path, metavar="DIR", help="a storage here, with the default retentions"
    )
    parser.add_argument("--files", type=_positive, default=100_000, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--days", type=_positive, default=60, metavar="N", help="how far back they go; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another one makes other media")
    parser.add_argument(
        "--now", type=_moment, metavar="ISO", help="when the newest are new, with offset (default: now)"
    )
    parser.add_argument("--add", action="store_true", help="also into a storage that has files already")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    now = time.time_ns() if options.now is None else options.now
    try:
        settings = _settings(options)
        tallies = fill(
            settings, files=options.files, days=options.days, seed=options.seed, now=now, add=options.add
        )
    except ShelflifeError as error:
        print(f"fill_storage: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"fill_storage: {error}; what was written before is still there", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nfill_storage: interrupted; what was written before is still there", file=sys.stderr)
        return 130
    print(f"{settings.base_path}\n\n{summary(tallies)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
