from shelflife.formats import iso
from shelflife.shapes.plan import plan_as_json, planned_file_as_json
from shelflife.testing import MakeStorage

SECOND = 10**9


def test_a_plan_has_a_cutoff_with_its_cause_for_each_area(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.file("uploads/one", age="9d", size=5)
    made = storage.engine.plan()
    shown = plan_as_json(made, ["too much"])
    assert (shown["needs_approval"], shown["reasons"]) == (True, ["too much"])
    assert plan_as_json(made, [])["needs_approval"] is False
    assert shown["plan"] == made.id
    assert (shown["files"], shown["bytes"]) == (1, 5)
    assert shown["areas"]["uploads"] == {
        "cutoff": iso(made.made - 7 * 86_400 * SECOND),
        "cause": "retention",
        "files": 1,
        "bytes": 5,
        "directories": 1,
        "links": 0,
        "scanned": 1,
        "special": 0,
        "errors": [],
    }
    assert (shown["areas"]["outputs"]["cutoff"], shown["areas"]["outputs"]["cause"]) == (None, None)
    [file] = storage.engine.files(made)
    assert planned_file_as_json(file)["path"] == "uploads/one"
