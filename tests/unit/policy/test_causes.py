from __future__ import annotations

from shelflife.policy.causes import Causes, record_of
from shelflife.policy.choose import by_retention_of_classes
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from tests.unit.policy.areas import DAY, an_area

_RULES = [{"match": "*.log", "retention": "1d"}, {"match": "/gold/", "retention": -1}]


def test_the_cause_of_a_file_is_that_of_its_class() -> None:
    area = an_area(retention="30d", rules=_RULES, protect=["/kept/"])
    causes = Causes(record_of(area, by_retention_of_classes(area, 100 * DAY)))
    top = area.directories[0]
    places = ["a.jpg", "b/a.log", "b/", "gold/a", "gold/"]
    told = [causes.of(f"{top}/{place}") for place in places]
    assert told == [Cause.RETENTION, Cause.RULE, Cause.RETENTION, "", ""]


def test_what_a_quota_takes_has_that_for_a_cause_and_what_a_rule_takes_the_rule() -> None:
    area = an_area(retention="30d", rules=_RULES)
    quota, rule = Cutoff(at=7, cause=Cause.QUOTA), Cutoff(at=9, cause=Cause.RULE)
    causes = Causes(record_of(area, Cutoffs((quota, rule, None))))
    top = area.directories[0]
    assert [causes.of(f"{top}/{name}") for name in ("a", "a.log")] == [Cause.QUOTA, Cause.RULE]


def test_a_record_of_an_earlier_version_knows_one_cause() -> None:
    assert Causes({"at": 5, "cause": "retention"}).of("frames/a") == "retention"
    assert (
        Causes({"at": None, "cause": None, "classes": [None, {"at": 1, "cause": "quota"}]}).of("a") == "quota"
    )
    assert Causes(None).of("frames/a") == ""


def test_a_record_is_read_back_as_cutoffs() -> None:
    area = an_area(retention=-1, rules=_RULES)
    cutoffs = by_retention_of_classes(area, 100 * DAY)
    assert Cutoffs.of_record(record_of(area, cutoffs)) == cutoffs
