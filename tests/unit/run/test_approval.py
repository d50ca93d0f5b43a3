from __future__ import annotations

import pytest

from shelflife.clock import DAY
from shelflife.errors import UsageError
from shelflife.policy.limits import deciding_settings
from shelflife.records.history import OfferedPlan
from shelflife.run.approval import refuse_future, why_not
from shelflife.run.workplace import Workplace
from shelflife.settings import Settings

_NOW = 20_000 * DAY


def _work(**values: object) -> Workplace:
    settings = Settings.build(
        base_path="/srv/storage-of-a-test", areas={"frames": {"retention": "7d"} | values}
    )
    return Workplace(settings=settings, listener=lambda _: None, clock=lambda: _NOW)


def _offered(work: Workplace, *, made: int) -> OfferedPlan:
    return OfferedPlan("abc", made, {"frames": None}, {"frames": deciding_settings(work.settings, "frames")})


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (_NOW, None),
        (_NOW - 7 * DAY, None),
        (_NOW - 7 * DAY - 1, "older than 7 days"),
        (_NOW + 1, "has not come yet"),
    ],
)
def test_an_offered_plan_may_be_approved_for_seven_days(made: int, reason: str | None) -> None:
    found = why_not(_work(), _offered(_work(), made=made))
    assert found is None if reason is None else reason in (found or "")


def test_a_plan_made_under_other_settings_may_not_be_approved() -> None:
    offered = _offered(_work(), made=_NOW)
    assert "the settings have changed" in (why_not(_work(retention="6d"), offered) or "")
    assert why_not(_work(retention="7d"), offered) is None


def test_what_was_planned_for_a_moment_to_come_is_refused() -> None:
    refuse_future(_work(), _NOW)
    with pytest.raises(UsageError, match="has not come yet"):
        refuse_future(_work(), _NOW + 1)
