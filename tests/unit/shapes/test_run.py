import json

from shelflife.remove.report import AreaReport, Failure, RunReport
from shelflife.shapes.run import file_as_json, report_as_json, run_as_json
from shelflife.testing import MakeStorage

NOT_UTF8 = "uploads/caf\udce9.mp4"


def test_a_report_shows_paths_that_can_be_sent() -> None:
    area = AreaReport(area="uploads", failed=1)
    area.note(Failure(path=NOT_UTF8, errno=13, error="Permission denied"))
    area.errors.append(f"{NOT_UTF8}: Permission denied")
    report = RunReport(run=1, plan="abc", state="done", areas=(area,))
    shown = report_as_json(report.as_json())
    assert shown["failures"][0]["path"] == r"uploads/caf\xe9.mp4"
    assert shown["areas"]["uploads"]["errors"] == [r"uploads/caf\xe9.mp4: Permission denied"]
    json.dumps(shown, ensure_ascii=False).encode()


def test_a_run_and_its_files_are_shown_as_the_journal_has_them(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.file("uploads/one", age="9d", size=5)
    report = storage.engine.cleanup()
    shown = run_as_json(storage.engine.run(report.run))
    assert (shown["run"], shown["state"], shown["report"]["removed"]) == (report.run, "done", 1)
    assert shown["cutoffs"].keys() == {"uploads"}
    [file] = [file_as_json(file) for file in storage.engine.run_files(report.run)]
    assert (file["path"], file["outcome"], file["reason"], file["error"]) == (
        "uploads/one",
        "removed",
        "expired",
        None,
    )
