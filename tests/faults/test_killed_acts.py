"""Whoever did something is known, wherever the process was killed: no effect is without its record."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shelflife import Engine, Settings
from shelflife.testing import Storage, aged_file
from tests.faults.tracing import ROOT, needs_strace

_AS_ADA = """
import sys
from shelflife import Engine, Settings
from shelflife.actor import Actor, Via, acting
from shelflife.records.access import Token
from shelflife.records.records import open_records
from shelflife.scopes import Scope

settings = Settings.build(base_path=sys.argv[1], areas={"temp": "1d"})
engine = Engine(settings)
with acting(Actor(name="ada", via=Via.HTTP, request="r-1")):
"""

_CLEAN_UP = _AS_ADA + "    engine.cleanup(batch_size=5)\n"

_ACT = (
    _AS_ADA
    + """
    for number in range(5):
        engine.hold(f"{sys.argv[1]}/temp/{number}")
        with open_records(settings).open_journal() as journal:
            reach = {"scopes": frozenset([Scope.READ]), "created": engine.now(), "created_by": "ada"}
            journal.tokens.add(Token(name=f"t{number}", **reach))
        engine.unhold(f"{sys.argv[1]}/temp/{number}")
        with open_records(settings).open_journal() as journal:
            journal.tokens.revoke(f"t{number}", engine.now())
"""
)


def killed_at(script: str, base: Path, call: str, when: int) -> bool:
    """Run a script that is killed at the `when`th invocation of a system call; return whether it was."""
    inject = f"inject={call}:signal=KILL:when={when}"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", os.devnull, "-e", inject, sys.executable, "-c", script, str(base)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    return done.returncode != 0


@needs_strace
@pytest.mark.parametrize("when", [1, 3, 11, 20])
def test_a_run_that_was_killed_while_it_removed_still_says_whose_it_was(storage: Storage, when: int) -> None:
    for number in range(20):
        storage.file(f"temp/{number}")
    assert killed_at(_CLEAN_UP, storage.base_path, "unlinkat", when)
    engine = Engine(Settings.build(base_path=storage.base_path, areas={"temp": "1d"}))
    engine.cleanup()
    (killed,) = [run for run in engine.history() if run.state == "interrupted"]
    assert (killed.actor, killed.via, killed.request) == ("ada", "http", "r-1")
    acts = [(act.kind, act.subject, act.actor) for act in engine.acts()]
    assert acts.count(("run.begun", str(killed.id), "ada")) == 1
    for file in engine.run_files(killed.id):
        assert file.result.name != "UNKNOWN"


@needs_strace
@pytest.mark.parametrize("when", [*range(3, 60, 8)])
def test_an_act_and_what_it_did_are_recorded_together(tmp_path: Path, when: int) -> None:
    base = tmp_path / "data"
    for number in range(5):
        aged_file(base / f"temp/{number}", age="1h")
    engine = Engine(Settings.build(base_path=base, areas={"temp": "1d"}))
    engine.cleanup()
    killed_at(_ACT, base, "pwrite64", when)
    with closing(sqlite3.connect(base / ".shelflife/journal.db")) as journal:
        acts = {
            (kind, subject): actor
            for kind, subject, actor in journal.execute("SELECT kind, subject, actor FROM act")
            if kind != "run.begun"
        }
        holds = journal.execute("SELECT id, actor, ended, ended_by FROM hold").fetchall()
        tokens = journal.execute("SELECT name, created_by, revoked FROM token").fetchall()
    done = {("hold.added", str(number)): actor for number, actor, _, _ in holds}
    done |= {("hold.ended", str(number)): by for number, _, ended, by in holds if ended is not None}
    done |= {("token.added", name): by for name, by, _ in tokens}
    done |= {("token.revoked", name): "ada" for name, _, revoked in tokens if revoked is not None}
    assert acts == done
    assert set(acts.values()) <= {"ada"}
