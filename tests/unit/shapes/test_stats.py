from shelflife.shapes.stats import stats_as_json
from shelflife.testing import MakeStorage, Storage


def test_statistics_have_the_shape_of_the_contract(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.file("uploads/a/one", age="9d", size=1024)
    storage.file("uploads/two", age="1d", size=1024)
    shown = stats_as_json(storage.engine.stats(refresh=True), storage.settings)
    uploads = shown["directories"]["uploads"]
    assert shown["total_files"] == 2
    assert shown["total_size_human"] == "2.00 KB"
    assert shown["complete"] is True
    assert uploads["path"] == str(storage.base_path / "uploads")
    assert uploads["retention_human"] == "7 days"
    times = [uploads["oldest_file"], uploads["newest_file"], shown["as_of"]]
    assert times == sorted(filter(None, times))
    assert shown["directories"]["outputs"]["retention_human"] == "Indefinite"
    assert "error" not in uploads


def test_an_area_that_cannot_be_looked_at_says_so_in_its_statistics(make_storage: MakeStorage) -> None:
    storage = make_storage({"uploads": "7d", "outputs": -1})
    storage.path("uploads").rmdir()
    shown = stats_as_json(storage.engine.stats(refresh=True), storage.settings)
    assert "No such file" in shown["directories"]["uploads"]["error"]
    assert shown["complete"] is False


def test_statistics_before_the_first_scan_are_not_complete(storage: Storage) -> None:
    shown = stats_as_json(storage.engine.stats(), storage.settings)
    assert (shown["complete"], shown["as_of"]) == (False, None)
