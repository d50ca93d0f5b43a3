from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from shelflife.engine import Engine
from shelflife.errors import StorageError, UsageError
from shelflife.settings import DEFAULT_RETENTION, Settings

av = pytest.importorskip("av")
pytest.importorskip("PIL")

from PIL import Image  # noqa: E402 - it is in an extra, as av is

from scripts import fill_storage  # noqa: E402 - imports both

SECOND = 10**9
DAY = 86_400 * SECOND
NOW = 1_793_534_400 * SECOND  # 2026-11-01T12:00:00+00:00
FILES = 300


def _settings(base: Path) -> Settings:
    return Settings.build(base_path=base, areas=DEFAULT_RETENTION)


def _files(base: Path, area: str = "") -> list[Path]:
    return sorted(path for path in (base / area).rglob("*") if path.is_file())


def _fingerprint(base: Path) -> dict[str, tuple[str, int]]:
    """Content and time of everything below `base`."""
    return {
        str(path.relative_to(base)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
        )
        for path in base.rglob("*")
    }


def _is_expired(path: Path, base: Path) -> bool:
    retention = DEFAULT_RETENTION[path.relative_to(base).parts[0].replace("-", "_")]
    return retention >= 0 and path.stat().st_mtime_ns < NOW - retention * SECOND


@pytest.fixture(scope="module", autouse=True)
def _few_clips() -> Iterator[None]:
    """Two videos instead of eight: drawing them is what takes time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fill_storage, "CLIPS", 2)
        yield


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One filled storage for all tests that only look."""
    base = tmp_path_factory.mktemp("fill") / "storage"
    fill_storage.fill(_settings(base), files=FILES, now=NOW)
    return base


def test_every_area_is_filled_and_the_files_are_as_many_as_asked_for(storage: Path) -> None:
    assert len(_files(storage)) == FILES
    for area in ("temp", "uploads", "contact-sheets", "frames", "outputs"):
        assert _files(storage, area), area
    assert {path.name for path in storage.iterdir()} == {
        "temp", "uploads", "contact-sheets", "frames", "outputs",
    }  # fmt: skip


def test_every_jpeg_is_one_and_says_whose_it_is(storage: Path) -> None:
    for path in _files(storage, "frames"):
        with Image.open(path) as picture:
            picture.load()
            assert picture.size == (320, 180)
            assert picture.info["comment"].decode() == f"{path.parent.name}/{path.name}"
    for path in _files(storage, "contact-sheets"):
        with Image.open(path) as picture:
            picture.load()
            assert picture.info["comment"].decode() == path.stem


def test_every_upload_is_a_video_with_as_many_frames_as_its_results_say(storage: Path) -> None:
    finished = {path.stem: json.loads(path.read_bytes()) for path in _files(storage, "outputs")}
    for path in _files(storage, "uploads"):
        with av.open(io.BytesIO(path.read_bytes())) as container:
            decoded = sum(1 for _ in container.decode(video=0))
        if path.stem in finished:
            assert decoded == 2 * finished[path.stem]["frames"]
    assert finished.keys() <= {path.stem for path in _files(storage, "uploads")}


def test_results_are_those_of_the_frames_beside_them(storage: Path) -> None:
    for path in _files(storage, "outputs"):
        results = json.loads(path.read_bytes())
        frames = _files(storage, f"frames/{results['media']}")
        assert path.stem == results["media"]
        assert results["frames"] == len(frames) == len(results["frame_brightness"])
        assert results["duration_seconds"] == pytest.approx(len(frames) / 12, abs=0.1)
        with Image.open(frames[0]) as picture:
            grey = picture.convert("L").tobytes()
        assert results["frame_brightness"][0] == pytest.approx(sum(grey) / len(grey), abs=1)


def test_a_half_written_upload_is_the_first_half_of_a_video(tmp_path: Path) -> None:
    fill_storage.fill(_settings(tmp_path / "storage"), files=800, now=NOW)
    halves = _files(tmp_path / "storage" / "temp")
    halves = [path for path in halves if path.suffix == ".part"]
    assert halves
    for half in halves:
        upload = tmp_path / "storage" / "uploads" / half.stem
        assert upload.read_bytes().startswith(half.read_bytes())
        with pytest.raises(av.error.InvalidDataError), av.open(io.BytesIO(half.read_bytes())) as container:
            list(container.decode(video=0))


def test_times_are_spread_over_the_days_and_one_medium_is_of_one_time(storage: Path) -> None:
    ages = sorted((NOW - path.stat().st_mtime_ns) / DAY for path in _files(storage, "uploads"))
    step = 60 / len(ages)
    assert all(number * step <= age <= (number + 1) * step for number, age in enumerate(ages))
    for upload in _files(storage, "uploads"):
        times = [path.stat().st_mtime_ns for path in _files(storage) if upload.stem in str(path)]
        assert max(times) - min(times) < 120 * SECOND
    assert max(path.stat().st_mtime_ns for path in _files(storage)) <= NOW


def test_a_directory_has_the_time_of_its_latest_file(storage: Path) -> None:
    for folder in (path for path in storage.rglob("*") if path.is_dir()):
        assert folder.stat().st_mtime_ns == max(path.stat().st_mtime_ns for path in _files(folder))


def test_every_file_is_a_file_of_its_own(storage: Path) -> None:
    assert {path.stat().st_nlink for path in _files(storage)} == {1}


def test_the_same_seed_makes_the_same_storage_and_another_seed_another(storage: Path, tmp_path: Path) -> None:
    fill_storage.fill(_settings(tmp_path / "same"), files=FILES, now=NOW)
    fill_storage.fill(_settings(tmp_path / "other"), files=FILES, now=NOW, seed=1)
    assert _fingerprint(tmp_path / "same") == _fingerprint(storage)
    assert not _fingerprint(tmp_path / "other").items() & _fingerprint(storage).items()


def test_the_tallies_are_what_is_on_disk(tmp_path: Path) -> None:
    base = tmp_path / "storage"
    tallies = fill_storage.fill(_settings(base), files=FILES, now=NOW)
    for area, tally in tallies.items():
        files = _files(base, area.replace("_", "-"))
        expired = [path for path in files if _is_expired(path, base)]
        assert (tally.files, tally.bytes) == (len(files), sum(path.stat().st_size for path in files))
        assert (tally.expired, tally.expired_bytes) == (
            len(expired),
            sum(path.stat().st_size for path in expired),
        )


def test_a_plan_finds_exactly_what_is_past_its_retention(tmp_path: Path) -> None:
    base = tmp_path / "storage"
    tallies = fill_storage.fill(_settings(base), files=FILES, now=NOW)
    plan = Engine(_settings(base), clock=lambda: NOW).plan()
    expired = {path for path in _files(base) if ".shelflife" not in path.parts and _is_expired(path, base)}
    assert {area.area: area.files for area in plan.areas} == {
        area: tally.expired for area, tally in tallies.items()
    }
    assert 0 < plan.files == len(expired) < FILES


def test_a_storage_with_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    base = tmp_path / "storage"
    (base / "outputs" / "deep").mkdir(parents=True)
    (base / "outputs" / "deep" / "kept.json").write_text("{}")
    before = _fingerprint(base)
    with pytest.raises(UsageError, match=r"kept\.json.*--add"):
        fill_storage.fill(_settings(base), files=FILES, now=NOW)
    assert _fingerprint(base) == before


def test_keep_files_do_not_count_as_files(tmp_path: Path) -> None:
    base = tmp_path / "storage"
    for area in ("temp", "frames"):
        (base / area).mkdir(parents=True)
        (base / area / ".gitkeep").touch()
    fill_storage.fill(_settings(base), files=FILES, now=NOW)
    assert len(_files(base)) == FILES + 2


def test_adding_leaves_what_is_there_even_with_the_same_seed(tmp_path: Path) -> None:
    base = tmp_path / "storage"
    fill_storage.fill(_settings(base), files=FILES, now=NOW)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in _files(base)}
    fill_storage.fill(_settings(base), files=FILES, now=NOW, add=True)
    assert len(_files(base)) == 2 * FILES
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before


def test_an_area_that_is_a_link_is_refused_and_nothing_is_written_there(tmp_path: Path) -> None:
    base, elsewhere = tmp_path / "storage", tmp_path / "elsewhere"
    base.mkdir()
    elsewhere.mkdir()
    (base / "frames").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="symbolic link"):
        fill_storage.fill(_settings(base), files=FILES, now=NOW)
    assert not _files(tmp_path)


def test_a_directory_that_cannot_be_read_is_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "storage"
    Engine(_settings(base)).create()

    def refuse(_path: object) -> object:
        raise PermissionError(13, "Permission denied", "outputs")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        with pytest.raises(PermissionError):
            fill_storage.fill(_settings(base), files=FILES, now=NOW)
    assert not _files(base)


@pytest.mark.parametrize(
    ("blocks", "inodes", "message"), [(100, 10**6, "409.60 kB free"), (10**6, 10, "10 more files")]
)
def test_without_enough_room_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, inodes: int, message: str
) -> None:
    disk = SimpleNamespace(f_frsize=4096, f_bavail=blocks, f_files=10**6, f_favail=inodes)
    monkeypatch.setattr(os, "statvfs", lambda _path: disk)
    with pytest.raises(StorageError, match=message):
        fill_storage.fill(_settings(tmp_path / "storage"), files=FILES, now=NOW)
    assert not (tmp_path / "storage").exists()


def test_a_configuration_without_one_of_the_areas_is_refused(tmp_path: Path) -> None:
    settings = Settings.build(base_path=tmp_path / "storage", areas={"frames": "7d"})
    with pytest.raises(UsageError, match="contact_sheets, outputs, temp, uploads"):
        fill_storage.fill(settings, files=FILES, now=NOW)


def test_the_command_fills_the_storage_of_a_configuration_and_prints_a_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("storage: {base_path: media, retention: {frames: 10d}, areas: {temp: {path: work}}}")
    arguments = ["--config", str(config), "--files", "100", "--days", "20", "--now", "2026-11-01T12:00:00Z"]
    assert fill_storage.main(arguments) == 0
    output = capsys.readouterr()
    assert len(_files(tmp_path / "media")) == 100
    assert _files(tmp_path / "media" / "work")
    assert output.err == ""
    assert output.out.splitlines()[0] == str(tmp_path / "media")
    assert [line.split()[:2] for line in output.out.splitlines()][-1] == ["all", "100"]
    assert "10d" in output.out


def test_the_command_says_why_it_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "mine.mp4").touch()
    assert fill_storage.main(["--base-path", str(tmp_path), "--files", "100"]) == 2
    assert "mine.mp4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--files", "0"], ["--days", "x"], ["--now", "2026-11-01T12:00:00"], ["--now", "today"]]
)
def test_a_bad_argument_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        fill_storage.main(arguments)
    assert arguments[0] in capsys.readouterr().err
