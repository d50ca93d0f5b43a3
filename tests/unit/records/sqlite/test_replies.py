from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from shelflife.records.replies import KEPT, Claim, Reply, ReplyBook
from shelflife.records.sqlite.journal_file import open_journal
from shelflife.records.state import StateDirectory

_REPLY = Reply(status=201, headers='{"location": "/runs/1"}', body=b"{}")


def _claim(
    book: ReplyBook, key: str = "k", *, request: bytes = b"h", at: int = 1, alive: bool = True
) -> Claim:
    return book.claim(key, request, owner="me", at=at, is_alive=lambda _owner: alive)


def test_the_first_to_claim_a_key_has_it_and_the_next_learns_that_it_is_going_on(
    state: StateDirectory,
) -> None:
    with open_journal(state) as journal:
        assert _claim(journal.replies).is_mine
        second = _claim(journal.replies)
        assert (second.is_mine, second.is_same, second.reply) == (False, True, None)


def test_what_was_answered_is_answered_again(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        _claim(journal.replies)
        journal.replies.keep("k", _REPLY)
    with open_journal(state) as journal:
        assert _claim(journal.replies) == Claim(reply=_REPLY)


def test_a_key_with_another_request_is_told_apart(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        _claim(journal.replies)
        journal.replies.keep("k", _REPLY)
        found = _claim(journal.replies, request=b"other")
        assert (found.is_mine, found.is_same, found.reply) == (False, False, None)


def test_the_claim_of_a_process_that_died_passes_to_who_asks_next(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        _claim(journal.replies)
        assert _claim(journal.replies, alive=False).is_mine


def test_a_claim_that_was_given_up_is_free_and_a_reply_is_not_given_up(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        _claim(journal.replies)
        journal.replies.give_up("k")
        assert _claim(journal.replies).is_mine
        journal.replies.keep("k", _REPLY)
        journal.replies.give_up("k")
        assert _claim(journal.replies).reply == _REPLY


def test_a_reply_is_forgotten_after_a_day(state: StateDirectory) -> None:
    with open_journal(state) as journal:
        _claim(journal.replies, at=1)
        journal.replies.keep("k", _REPLY)
        assert _claim(journal.replies, at=1 + KEPT).reply == _REPLY
        assert _claim(journal.replies, at=2 + KEPT).is_mine


def test_of_many_who_claim_at_once_one_has_it(state: StateDirectory) -> None:
    with open_journal(state):
        pass
    start = threading.Barrier(8)

    def claim(_number: int) -> bool:
        with open_journal(state) as journal:
            start.wait()
            return _claim(journal.replies).is_mine

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1
