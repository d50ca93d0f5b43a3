"""The command line as a process of its own: entry point, streams, signals."""

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.integration.cli.conftest import CONFIG, Site

COMMAND = [sys.executable, "-m", "shelflife"]
ROOT = Path(__file__).parents[3]


def environment(**others: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **others}


def called(site: Site, *arguments: str, **others: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=site.directory,
        env=environment(**others),
        capture_output=True,
        check=False,
    )


def test_help_needs_nothing_of_the_engine(site: Site) -> None:
    program = (
        "import sys; from shelflife.cli.app import run; run(['--help']); "
        "print([name for name in ('pydantic', 'yaml', 'sqlite3', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, check=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_process_cleans_up_and_exits_with_what_came_of_it(site: Site) -> None:
    old = site.file("uploads/old")
    done = called(site, "cleanup")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"run 1 done" in done.stdout
    assert not old.exists()
    assert called(site, "paln").returncode == 2


def test_raw_paths_go_through_a_pipe(site: Site) -> None:
    site.file(os.fsdecode(b"uploads/caf\xe9\n"))
    done = called(site, "plan", "-0", LC_ALL="C")
    assert done.stdout == os.fsencode(site.base) + b"/uploads/caf\xe9\n\0"


def test_an_ascii_terminal_gets_escapes_and_no_traceback(site: Site) -> None:
    site.file("uploads/Größe")
    done = called(site, "plan", "--files", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"/uploads/Gr\\xf6\\xdfe\n")


@pytest.mark.parametrize("options", [["--files"], ["-0"], ["--files", "--json"]], ids=" ".join)
def test_a_reader_that_leaves_early_is_no_error(site: Site, options: list[str]) -> None:
    for number in range(300):
        site.file(f"uploads/{'x' * 200}{number}")
    process = subprocess.Popen(
        [*COMMAND, "plan", *options],
        cwd=site.directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate()
    assert (process.returncode, errors) == (141, b"")


def test_an_error_that_nobody_reads_keeps_its_exit_code_and_is_told_in_a_sentence(site: Site) -> None:
    process = subprocess.Popen(
        [*COMMAND, "history", "99", "--json"],
        cwd=site.directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate()
    assert process.returncode == 2
    assert errors == b"shelflife: there is no run 99; `shelflife history` lists them\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_at_its_next_batch_with_its_work_recorded(
    site: Site, number: signal.Signals, code: int
) -> None:
    names = [f"uploads/{directory}/{file}" for directory in range(5) for file in range(100)]
    for name in names:
        site.file(name)
    with (site.directory / "config.yaml").open("a") as config:
        config.write("  limits: {confirm_above: 100%}\n")  # a first cleanup of all there is would wait
    program = (
        "import os, sys, threading; import shelflife.cli.cleanup as verb\n"
        "from shelflife.events import BatchFinished; from shelflife.engine import Engine\n"
        "told, stop, handled = Engine.__init__, verb.Stop._stop, threading.Event()\n"
        "def handle(self, *arguments): stop(self, *arguments); handled.set()\n"
        "verb.Stop._stop = handle\n"
        "def tell(event):\n"
        "    if isinstance(event, BatchFinished) and not handled.is_set():\n"
        f"        os.kill(os.getpid(), {int(number)}); handled.wait(60)\n"
        "Engine.__init__ = lambda self, settings, listeners=(), **rest: "
        "told(self, settings, listeners=[*listeners, tell], **rest)\n"
        "from shelflife.cli.app import run; sys.exit(run(['cleanup']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=site.directory,
        env=environment(),
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == code
    assert "was stopped before its end" in done.stderr
    [run] = site.engine.history()
    removed = [name for name in names if not (site.base / name).exists()]
    assert run.state == "stopped"
    assert 0 < len(removed) < len(names)
    assert run.report["removed"] == len(removed)


def test_a_run_that_is_stopped_before_it_begins_is_not_done(site: Site) -> None:
    stop = threading.Event()
    stop.set()
    assert site.engine.cleanup(stop=stop).state == "stopped"
    (record,) = site.engine.history()
    assert record.state == "stopped"


# -- on a terminal


def answered(site: Site, answer: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, type an answer, and return exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=site.directory,
        env=environment(TERM="xterm", NO_COLOR=""),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_a_cleanup_shows_the_plan_and_asks(site: Site) -> None:
    old = site.file("uploads/old", size=2048)
    code, shown = answered(site, "n\n", "cleanup")
    assert code == 3
    assert "remove 1 file, 2.05 kB? [y/N] " in shown
    assert "nothing was removed\n" in shown
    assert old.exists()
    assert site.engine.history() == []
    code, shown = answered(site, "y\n", "cleanup")
    assert code == 0
    assert "run 1 done" in shown
    assert not old.exists()


def test_nobody_is_asked_where_nothing_would_go_nor_with_yes(site: Site) -> None:
    code, shown = answered(site, "", "cleanup")
    assert (code, "[y/N]" in shown) == (0, False)
    old = site.file("uploads/old")
    code, shown = answered(site, "", "cleanup", "--yes")
    assert (code, "[y/N]" in shown, old.exists()) == (0, False, False)


def test_yes_at_the_terminal_approves_what_was_shown_with_its_reasons(site: Site) -> None:
    site.configure(CONFIG + "  limits: {confirm_above_files: 2}\n")
    files = [site.file(f"uploads/{number}") for number in range(5)]
    code, shown = answered(site, "", "cleanup", "--yes")  # the limits hold all the same
    assert code == 3
    assert all(file.exists() for file in files)
    code, shown = answered(site, "y\n", "cleanup")
    assert code == 0
    assert "a person must approve it: " in shown
    assert "all the same? [y/N]" in shown
    assert not any(file.exists() for file in files)


def test_colours_are_for_terminals_only(site: Site) -> None:
    (site.base / "uploads").rmdir()
    _, shown = answered(site, "", "check")
    assert "\x1b[1;31m✗\x1b[0m" in shown
    assert b"\x1b" not in called(site, "check").stdout


@pytest.mark.parametrize("verb", ["plan", "forecast", "check", "cleanup"])
def test_every_verb_can_be_shown_in_ascii(site: Site, verb: str) -> None:
    site.file("uploads/Größe")
    site.call("stats")
    done = called(site, verb, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stderr == b"" or verb == "plan"  # which tells that the file came with an old time
    assert (done.stdout + done.stderr).isascii()


# -- serving


def test_on_a_port_that_is_taken_nothing_is_served_and_no_schedule_starts(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = called(site, "serve", "--port", str(port))
    assert done.returncode == 2
    assert (
        done.stderr.decode()
        .strip()
        .endswith(
            f"cannot listen on 127.0.0.1, port {port}: another program listens there already; "
            "choose another port with --port"
        )
    )
    assert not site.engine.state.path.exists()  # the application was not started, and with it no scheduler
