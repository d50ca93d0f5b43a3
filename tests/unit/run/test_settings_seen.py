"""Settings that are others than before, which nobody announces."""

from __future__ import annotations

from shelflife.engine import Engine
from shelflife.records.records import open_records
from shelflife.run.settings_seen import tell_changed_settings
from shelflife.settings import Settings
from shelflife.testing import MakeStorage, Storage
from tests.inside import workplace


def _told(storage: Storage) -> list[list[str]]:
    with open_records(storage.settings).open_journal() as journal:
        return [event.data["keys"] for event in journal.events.since(0) if event.kind == "settings.changed"]


def test_a_run_tells_of_settings_that_changed_since_the_one_before(storage: Storage) -> None:
    storage.engine.cleanup()
    assert _told(storage) == []
    changed = storage.settings.with_areas({"temp.retention": "2h", "uploads.quota": "5GB"})
    for _ in range(2):
        Engine(changed).cleanup()
    assert _told(storage) == [["areas.temp.retention", "areas.uploads.quota"]]


def test_an_area_that_is_new_or_gone_is_told_by_all_its_keys(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": "1d"})
    tell_changed_settings(workplace(storage.settings))
    more = Settings.build(base_path=storage.settings.base_path, areas={"temp": "1d", "inbox": "2d"})
    tell_changed_settings(workplace(more))
    (keys,) = _told(storage)
    assert "areas.inbox.retention" in keys
    assert {key.split(".")[1] for key in keys if key.startswith("areas.")} == {"inbox"}


def test_no_value_of_a_setting_is_recorded(make_storage: MakeStorage) -> None:
    storage = make_storage(alerts={"urls": ["https://example.org/a-long-enough-secret"]})
    tell_changed_settings(workplace(storage.settings))
    assert b"a-long-enough-secret" not in storage.engine.state.journal.read_bytes()
