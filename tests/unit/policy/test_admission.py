from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.admission import PAUSE, Decision, DiskRoom, Limit, Prospects, admit, limit_of
from shelflife.policy.load import NOTHING, Load
from shelflife.policy.watermark import Space, Usage

GB = 10**9
NOW = 1_800_000_000 * 10**9


def _room(
    available: int = 100 * GB, *, used: int = 900 * GB, inodes: int = 1_000, **others: object
) -> DiskRoom:
    usage = Usage(space=Space(used, available), inodes=Space(1_000, inodes))
    return replace(DiskRoom(usage=usage), **others)  # type: ignore[arg-type]


def _wish(size: int, files: int = 1) -> Load:
    return Load(files=files, allocated=size)


def _decide(wish: Load, room: DiskRoom, prospects: Prospects | None = None) -> Decision:
    return admit(wish, room, prospects or Prospects(), now=NOW).decision


def test_what_fits_is_admitted_and_what_does_not_is_refused_with_what_there_is() -> None:
    assert _decide(_wish(99 * GB), _room()) is Decision.ADMIT
    refusal = admit(_wish(101 * GB), _room(), Prospects(), now=NOW)
    assert (refusal.decision, refusal.limit, refusal.again) == (Decision.REFUSE, Limit.SPACE, None)
    assert refusal.free.allocated < 100 * GB


def test_a_reserve_is_promised_to_nobody() -> None:
    assert _decide(_wish(100 * GB), _room()) is Decision.REFUSE
    assert _decide(_wish(GB, files=1_000), _room()) is Decision.REFUSE


def test_what_was_promised_and_does_not_show_is_not_promised_again() -> None:
    room = _room(hidden=Load(allocated=60 * GB), promised=60 * GB)
    assert _decide(_wish(50 * GB), room) is Decision.REFUSE
    assert _decide(_wish(30 * GB), room) is Decision.ADMIT


def test_what_shows_already_is_not_counted_twice() -> None:
    assert _decide(_wish(90 * GB), _room(promised=60 * GB)) is Decision.ADMIT


def test_inodes_are_promised_like_bytes() -> None:
    room = _room(inodes=40)
    assert limit_of(_wish(GB, files=25), room) is Limit.INODES
    assert limit_of(_wish(GB), room) is None


def test_what_is_not_counted_limits_nothing() -> None:
    room = DiskRoom(usage=Usage(space=Space(0, 0), inodes=Space(0, 0)))
    assert limit_of(_wish(10**15, files=10**9), room) is None


def test_what_making_room_would_free_at_once_is_worth_it() -> None:
    admission = admit(_wish(120 * GB), _room(), Prospects(now=Load(allocated=30 * GB)), now=NOW)
    assert (admission.decision, admission.again) == (Decision.AFTER_RELIEF, NOW)


def test_what_will_go_by_age_says_when_to_ask_again() -> None:
    coming = [
        (NOW + HOUR, Load(allocated=5 * GB)),
        (NOW + 2 * HOUR, Load(allocated=30 * GB)),
        (NOW + 3 * HOUR, Load(allocated=90 * GB)),
    ]
    admission = admit(_wish(120 * GB), _room(), Prospects(later=coming), now=NOW)
    assert (admission.decision, admission.again) == (Decision.REFUSE, NOW + 2 * HOUR)


def test_an_area_with_a_share_leaves_room_for_others() -> None:
    room = _room(share=40, promised=30 * GB, promised_here=30 * GB)
    refusal = admit(_wish(30 * GB), room, Prospects(now=Load(allocated=500 * GB)), now=NOW)
    assert (refusal.decision, refusal.limit) == (Decision.REFUSE, Limit.SHARE)
    assert refusal.again == NOW + PAUSE
    assert _decide(_wish(30 * GB), replace(room, promised_here=0)) is Decision.ADMIT


def test_what_is_beyond_a_quota_by_itself_is_never_admitted() -> None:
    coming = Prospects(now=Load(allocated=500 * GB), later=[(NOW + HOUR, Load(allocated=500 * GB))])
    refusal = admit(_wish(11 * GB), _room(quota=10 * GB), coming, now=NOW)
    assert (refusal.decision, refusal.limit, refusal.again) == (Decision.REFUSE, Limit.QUOTA, None)


_AMOUNTS = st.integers(0, 200)
_LOADS = st.builds(Load, files=_AMOUNTS, bytes=st.just(0), allocated=_AMOUNTS)
_SPACES = st.builds(Space, used=_AMOUNTS, available=_AMOUNTS)


@st.composite
def _rooms(draw: st.DrawFn) -> DiskRoom:
    promised = draw(_AMOUNTS)
    return DiskRoom(
        usage=Usage(space=draw(_SPACES), inodes=draw(_SPACES)),
        hidden=Load(files=draw(_AMOUNTS), allocated=draw(st.integers(0, promised))),
        promised=promised,
        promised_here=draw(st.integers(0, promised)),
        share=draw(st.integers(1, 100)),
        quota=draw(st.none() | _AMOUNTS),
    )


@given(_LOADS, _rooms(), _LOADS)
def test_no_byte_is_promised_twice(wish: Load, room: DiskRoom, now: Load) -> None:
    if _decide(wish, room, Prospects(now=now)) is Decision.ADMIT and room.usage.space.whole:
        assert room.hidden.allocated + wish.allocated <= room.usage.space.available or not wish.allocated


@given(_LOADS, _rooms(), _LOADS, _LOADS)
def test_a_refusal_is_right_about_when_it_is_worth_asking_again(
    wish: Load, room: DiskRoom, soon: Load, more: Load
) -> None:
    prospects = Prospects(now=soon, later=[(NOW + HOUR, soon.plus(more))])
    found = admit(wish, room, prospects, now=NOW)
    if found.decision is Decision.REFUSE and found.again == NOW + HOUR:
        assert _decide(wish, room.after(soon.plus(more))) is Decision.ADMIT
    if found.decision is Decision.AFTER_RELIEF:
        assert _decide(wish, room.after(soon)) is Decision.ADMIT


@given(_LOADS, _rooms(), _LOADS)
def test_more_room_and_smaller_wishes_are_never_worse(wish: Load, room: DiskRoom, less: Load) -> None:
    if _decide(wish, room) is Decision.ADMIT:
        assert _decide(wish.less(less), room) is Decision.ADMIT
        assert _decide(wish, room.after(less)) is Decision.ADMIT
        assert _decide(wish, replace(room, hidden=room.hidden.less(less))) is Decision.ADMIT


@given(st.lists(_LOADS, max_size=30), _rooms())
def test_writers_who_ask_one_after_the_other_never_get_more_than_there_is(
    wishes: list[Load], room: DiskRoom
) -> None:
    given_out = NOTHING
    for wish in wishes:
        if _decide(wish, room) is Decision.ADMIT:
            given_out = given_out.plus(wish)
            room = replace(
                room,
                hidden=room.hidden.plus(wish),
                promised=room.promised + wish.allocated,
                promised_here=room.promised_here + wish.allocated,
            )
    if room.usage.space.whole:
        assert given_out.allocated <= room.usage.space.available
    if room.usage.inodes.whole:
        assert given_out.files <= room.usage.inodes.available
