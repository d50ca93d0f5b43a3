from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shelflife.records.claims import Claims
from shelflife.records.state import Owner, StateDirectory

NOW = 1_800_000_000 * 10**9


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    home = tmp_path / ".shelflife"
    return StateDirectory(home, home, Owner.of(tmp_path))


@pytest.fixture
def claims(state: StateDirectory) -> Claims:
    return Claims(state, "receiving")


def _claimed(claims: Claims) -> list[object]:
    return [record.content["what"] for record in claims.living(NOW)]


def test_a_claim_counts_until_it_is_released(claims: Claims) -> None:
    assert claims.living(NOW) == []
    with claims.exclusive():
        claim = claims.add({"what": "a"})
    assert _claimed(claims) == ["a"]
    claim.release()
    claim.release()
    assert (claims.living(NOW), claims.names()) == ([], frozenset())


def test_what_is_claimed_can_change(claims: Claims) -> None:
    with claims.exclusive():
        claim = claims.add({"what": "a much longer text than the one that follows"})
    claim.change(what="b")
    assert _claimed(claims) == ["b"]
    claim.release()


def test_a_claim_ends_with_its_process_and_is_swept_by_the_next(claims: Claims, tmp_path: Path) -> None:
    text = (
        "import os, signal, sys; from pathlib import Path; from shelflife.records.claims import Claims;"
        "from shelflife.records.state import Owner, StateDirectory; base = Path(sys.argv[1]);"
        "claims = Claims(StateDirectory(base / '.shelflife', base / '.shelflife', Owner.of(base)), 'receiving');"
        "turn = claims.exclusive(); turn.__enter__(); claim = claims.add({'what': 'a'});"
        "print(len(claims.living(0)), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", text, tmp_path], capture_output=True, check=False)
    assert run.stdout == b"1\n"
    assert (claims.living(NOW), len(claims.names())) == ([], 1)
    with claims.exclusive():  # the turn of a killed process is free
        assert claims.sweep(NOW) == []
    assert claims.names() == frozenset()


def test_a_forked_child_neither_keeps_a_claim_nor_ends_it(claims: Claims) -> None:
    with claims.exclusive():
        claim = claims.add({"what": "a"})
    child = os.fork()
    if child == 0:
        claim.release()
        os._exit(0 if _claimed(claims) == ["a"] and not claim.is_ours else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert _claimed(claims) == ["a"]
    claim.release()
    assert _claimed(claims) == []


def test_a_claim_with_a_time_to_live_needs_no_process(claims: Claims) -> None:
    with claims.exclusive():
        claim = claims.add({"what": "a"}, until=NOW + 1)
    claim.let_go()
    assert _claimed(claims) == ["a"]
    assert claims.living(NOW + 1) == []
    with claims.exclusive():
        claims.sweep(NOW + 1)
    assert claims.names() == frozenset()


def test_it_is_private_and_belongs_to_the_storage(claims: Claims, state: StateDirectory) -> None:
    with claims.exclusive():
        claim = claims.add({"what": "a"})
    assert (Path(claim.path).stat().st_mode & 0o777, state.path.stat().st_mode & 0o777) == (0o600, 0o700)
    claim.release()
