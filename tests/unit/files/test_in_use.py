from __future__ import annotations

import errno
import fcntl
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shelflife.files.in_use import WriteGuard, Writers
from shelflife.files.listing import entry_at
from tests.integration.engine.users import NOBODY, common_directory, needs_root, ordinary_user


def _is_in_use(file: Path) -> bool:
    fd = os.open(file.parent, os.O_RDONLY)
    try:
        with WriteGuard(fd, entry_at(fd, file.name), Writers()) as guard:
            return guard.in_use
    finally:
        os.close(fd)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    return file


@pytest.mark.parametrize(
    ("flags", "used"),
    [
        (os.O_WRONLY, True),
        (os.O_RDWR, True),
        (os.O_WRONLY | os.O_APPEND, True),
        (os.O_RDONLY, False),
    ],
)
def test_who_writes_uses_a_file_and_who_reads_does_not(file: Path, flags: int, *, used: bool) -> None:
    fd = os.open(file, flags)
    try:
        assert _is_in_use(file) is used
    finally:
        os.close(fd)
    assert not _is_in_use(file)


def test_a_file_that_is_mapped_writable_is_in_use_also_when_it_was_closed(file: Path) -> None:
    with file.open("r+b") as opened:
        mapped = mmap.mmap(opened.fileno(), 0)
    try:
        assert _is_in_use(file)
    finally:
        mapped.close()
    assert not _is_in_use(file)


def test_a_writer_that_is_left_in_a_child_uses_a_file(file: Path) -> None:
    fd = os.open(file, os.O_WRONLY)
    os.set_inheritable(fd, True)
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[fd]
    )
    os.close(fd)
    try:
        assert _is_in_use(file)
    finally:
        child.communicate()
    assert not _is_in_use(file)


def test_a_lease_that_a_child_inherited_keeps_no_writer_waiting(file: Path) -> None:
    fd = os.open(file.parent, os.O_RDONLY)
    with WriteGuard(fd, entry_at(fd, file.name), Writers()):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # has the open file of the lease, too, and ends only after the writer came in
            os.read(reading, 1)
            os._exit(0)
    try:
        with file.open("r+b") as opened:  # would wait for 45 s (/proc/sys/fs/lease-break-time)
            opened.write(b"x")
    finally:
        os.write(writing, b"x")
        os.waitpid(child, 0)
        for descriptor in (fd, reading, writing):
            os.close(descriptor)


def test_whoever_wants_to_write_meanwhile_is_noticed(file: Path) -> None:
    fd = os.open(file.parent, os.O_RDONLY)
    with WriteGuard(fd, entry_at(fd, file.name), Writers()) as guard:
        assert (guard.in_use, guard.broken) == (False, False)
        with pytest.raises(BlockingIOError):  # does not wait, but has asked
            os.open(file, os.O_WRONLY | os.O_NONBLOCK)
        assert guard.broken
    os.close(fd)


def test_a_file_that_was_replaced_by_a_link_is_none_that_could_be_guarded(file: Path) -> None:
    fd = os.open(file.parent, os.O_RDONLY)
    entry = entry_at(fd, file.name)
    file.unlink()
    file.symlink_to("elsewhere")
    with WriteGuard(fd, entry, Writers()) as guard:
        assert guard.inode == -1
    os.close(fd)


def test_a_file_on_which_somebody_else_has_a_write_lease_is_in_use(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Samba has; the kernel says EAGAIN to whoever opens it without waiting."""

    def refused(*_given: object, **_named: object) -> int:
        raise OSError(errno.EAGAIN, "leased")

    fd = os.open(file.parent, os.O_RDONLY)
    entry = entry_at(fd, file.name)
    monkeypatch.setattr(os, "open", refused)
    with WriteGuard(fd, entry, Writers()) as guard:
        assert guard.in_use
    monkeypatch.undo()
    os.close(fd)


@needs_root
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_of_other_owners_files_proc_tells_as_far_as_we_may_look(mode: int) -> None:
    with common_directory() as directory:
        file = directory / "file"
        file.write_bytes(b"content")
        file.chmod(mode)
        os.chown(file, 1234, 1234)
        writer = subprocess.Popen(
            [sys.executable, "-c", "import sys; open(sys.argv[1], 'r+b'); sys.stdin.read()", file],
            stdin=subprocess.PIPE,
        )
        try:
            with ordinary_user():
                assert not _is_in_use(file)  # the writer is root: /proc does not show his open files
        finally:
            writer.communicate()


@needs_root
def test_our_own_writer_to_somebody_elses_file_is_seen_in_proc() -> None:
    with common_directory() as directory:
        file = directory / "file"
        file.write_bytes(b"content")
        file.chmod(0o666)
        os.chown(file, 1234, 1234)
        writer = subprocess.Popen(
            ["sh", "-c", 'exec 3<>"$1"; echo open; cat', "sh", file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=NOBODY,
            group=NOBODY,
        )
        assert writer.stdout is not None
        try:
            assert writer.stdout.readline() == b"open\n"
            with ordinary_user():
                assert _is_in_use(file)
        finally:
            writer.communicate()


def test_where_leases_are_refused_proc_is_asked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_given: object) -> int:
        raise OSError(errno.EINVAL, "no leases here")

    monkeypatch.setattr(fcntl, "fcntl", refused)
    assert not _is_in_use(file)
    with file.open("r+b"):
        assert _is_in_use(file)


_HOST = """
import os, signal, sys, time
from pathlib import Path
from shelflife.files.in_use import WriteGuard, Writers
from shelflife.files.listing import entry_at

got = []
if sys.argv[2] == "handlers":
    for number in (signal.SIGIO, signal.SIGURG, signal.SIGUSR1, signal.SIGRTMIN):
        signal.signal(number, lambda number, _: got.append(number))
elif sys.argv[2] == "default":
    for number in (signal.SIGIO, signal.SIGURG):
        signal.signal(number, signal.SIG_DFL)
file = Path(sys.argv[1])
fd = os.open(file.parent, os.O_RDONLY)
child = os.fork()
if child == 0:
    while True:
        with open(file, "r+b"):
            pass
broken, end = 0, time.monotonic() + 20
while broken < 20 and time.monotonic() < end:
    with WriteGuard(fd, entry_at(fd, file.name), Writers()) as guard:
        broken += guard.broken
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
print(len([number for number in got if number != signal.SIGURG]), got.count(signal.SIGURG), broken)
"""


_CLEANING_HOST = """
import os, signal, sys, time
from pathlib import Path
from shelflife import Engine, Settings

got = []
for number in (signal.SIGIO, signal.SIGURG):
    signal.signal(number, lambda number, _: got.append(number))
media = Path(sys.argv[1]) / "media"
engine = Engine(Settings.build(base_path=sys.argv[1], areas={"media": "7d"}))
engine.create()
child = os.fork()
if child == 0:
    while True:
        for number in range(50):
            try:
                os.close(os.open(media / f"{number}", os.O_WRONLY))
            except FileNotFoundError:
                pass
end = time.monotonic() + 1
while time.monotonic() < end:
    for number in range(50):
        (media / "new").touch()
        os.utime(media / "new", (0, 0))
        os.rename(media / "new", media / f"{number}")
    engine.cleanup()
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
print(len(got))
"""


@pytest.mark.parametrize("pure", ["", "1"], ids=["compiled", "pure"])
def test_no_signal_reaches_a_host_in_which_a_cleanup_runs(tmp_path: Path, pure: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _CLEANING_HOST, tmp_path / "storage"],
        env=os.environ | {"SHELFLIFE_PURE": pure},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "0\n"), result.stderr


@pytest.mark.parametrize("signals", ["handlers", "default"])
def test_no_signal_ends_or_disturbs_the_host(file: Path, signals: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _HOST, file, signals], capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
    others, urgent, broken = map(int, result.stdout.split())
    assert (others, urgent) == (0, 0)
    assert broken, "nobody wanted the file meanwhile: this shows nothing"


def test_where_leases_say_nothing_the_writers_of_this_machine_are_known_all_the_same(file: Path) -> None:
    fd = os.open(file.parent, os.O_RDONLY)
    writing = os.open(file, os.O_WRONLY)
    try:
        with WriteGuard(fd, entry_at(fd, file.name), Writers(leases=False)) as guard:
            assert guard.in_use
        os.close(writing)
        with WriteGuard(fd, entry_at(fd, file.name), Writers(leases=False)) as guard:
            assert not guard.in_use
            assert not guard.broken
    finally:
        os.close(fd)
