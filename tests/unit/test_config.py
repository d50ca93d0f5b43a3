from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from api import config as module
from api.config import Config
from shelflife.errors import SettingsError
from shelflife.settings import AreaSettings, PressureSettings, Settings, load_settings
from shelflife.settings.section import Section

_CHECKOUT = Path(module.__file__).resolve().parents[1]
_SHIPPED = _CHECKOUT / "config.yaml"

_RETENTION = {
    "temp": 86_400,
    "uploads": 604_800,
    "contact_sheets": 2_592_000,
    "frames": 2_592_000,
    "outputs": -1,
}
_CLEANUP = {
    "enabled": True,
    "schedule": "0 2 * * *",
    "dry_run": False,
    "batch_size": 100,
    "lock_timeout": 300,
}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STORAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without a configuration file, and another working directory."""
    (tmp_path / "checkout").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def _write(folder: Path, text: str = "storage:\n") -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_a_configuration_has_the_shapes_of_the_contract(tmp_path: Path) -> None:
    path = _write(tmp_path)
    config = Config(str(path))
    assert config.config_path == path
    assert config.storage_base_path == str(tmp_path / "storage")
    assert config.storage_base_path == config.STORAGE_BASE_PATH
    assert config.storage_retention == _RETENTION
    assert config.storage_cleanup == _CLEANUP
    assert isinstance(config.settings, Settings)


def test_file_and_environment_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_RETENTION_FRAMES", "1h")
    monkeypatch.setenv("STORAGE_BASE_PATH", str(tmp_path / "media"))
    config = Config(_write(tmp_path, "storage: {retention: {temp: 5}, cleanup: {enabled: false}}\n"))
    assert config.storage_retention == _RETENTION | {"temp": 5, "frames": 3600}
    assert config.storage_cleanup == _CLEANUP | {"enabled": False}
    assert str(tmp_path / "media") == config.STORAGE_BASE_PATH


def test_two_configurations_share_no_state(tmp_path: Path) -> None:
    path = _write(tmp_path)
    one, other = Config(path), Config(path)
    one.storage_retention["temp"] = 1
    one.storage_cleanup["enabled"] = False
    one.storage_base_path = "/elsewhere"
    assert other.storage_retention == _RETENTION
    assert other.storage_cleanup == _CLEANUP
    assert str(tmp_path / "storage") == other.STORAGE_BASE_PATH
    assert one.settings == other.settings


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml: can't be read: No such file"):
        Config(tmp_path / "config.yaml")


def test_a_broken_file_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.yaml:1: storage\.retention\.temp: -2: not a duration"):
        Config(_write(tmp_path, "storage: {retention: {temp: -2}}\n"))


def test_the_checkout_comes_before_the_working_directory(elsewhere: Path) -> None:
    here = _write(elsewhere / "here")
    assert Config().config_path == here
    checkout = _write(elsewhere / "checkout")
    assert Config().config_path == checkout


def test_a_broken_file_never_gives_way_to_the_next(elsewhere: Path) -> None:
    _write(elsewhere / "here")
    _write(elsewhere / "checkout", "storage: 5\n")
    with pytest.raises(SettingsError, match=r"checkout/config\.yaml:1: storage: 5: not a section"):
        Config()


def test_without_a_file_the_storage_is_in_the_checkout(elsewhere: Path) -> None:
    config = Config()
    assert config.config_path is None
    assert config.storage_base_path == str(elsewhere / "checkout" / "storage")
    assert config.storage_retention == _RETENTION


def test_the_deployed_file_is_the_last_one_and_never_read_by_tests(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "deployed").mkdir()
    deployed = _write(elsewhere / "deployed")
    monkeypatch.setattr(module, "_DEPLOYED", deployed.parent)
    assert Config().config_path is None
    monkeypatch.setattr(module, "_is_test", lambda: False)
    assert Config().config_path == deployed
    here = _write(elsewhere / "here")
    assert Config().config_path == here


def test_a_test_is_noticed_in_its_own_process_and_in_those_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._is_test()
    monkeypatch.delitem(sys.modules, "pytest")
    assert module._is_test()
    monkeypatch.delenv("PYTEST_VERSION")
    assert not module._is_test()


def test_a_reload_reads_the_same_file_again(tmp_path: Path) -> None:
    path = _write(tmp_path)
    before = Config(path)
    _write(tmp_path, "storage: {retention: {temp: 5}}\n")
    assert before.reload().storage_retention["temp"] == 5
    assert before.storage_retention["temp"] == 86_400
    path.unlink()
    with pytest.raises(SettingsError, match="can't be read"):
        before.reload()


def test_a_reload_finds_a_file_that_was_not_there_before(elsewhere: Path) -> None:
    before = Config()
    path = _write(elsewhere / "here")
    assert before.reload().config_path == path


def test_a_reload_means_the_same_file_from_another_working_directory(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(elsewhere / "here")
    config = Config("config.yaml")
    monkeypatch.chdir(elsewhere)
    assert config.config_path == path
    assert config.reload().config_path == path


def test_the_modules_configuration_is_read_at_first_use(elsewhere: Path) -> None:
    config = module._LazyConfig()
    assert isinstance(config, Config)
    path = _write(elsewhere / "here", "storage: {retention: {temp: 5}}\n")
    assert str(path.parent / "storage") == config.STORAGE_BASE_PATH
    _write(elsewhere / "here", "storage: {retention: {temp: 6}}\n")
    assert config.storage_retention["temp"] == 5
    assert config.reload().storage_retention["temp"] == 6


def test_the_modules_configuration_has_no_other_attributes(elsewhere: Path) -> None:
    config = module._LazyConfig()
    with pytest.raises(AttributeError, match="'Config' object has no attribute 'storage_bass_path'"):
        _ = config.storage_bass_path


def test_the_modules_configuration_fails_at_each_use_of_a_broken_file(elsewhere: Path) -> None:
    config = module._LazyConfig()
    _write(elsewhere / "here", "storage: 5\n")
    for _ in range(2):
        with pytest.raises(SettingsError):
            _ = config.settings
    _write(elsewhere / "here")
    assert config.settings.areas


_IMPORT = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from api.config import Config, config
print(*[path for path in opened if path.endswith((".yaml", "passwd"))])
"""


def test_importing_reads_no_configuration(tmp_path: Path) -> None:
    _write(tmp_path, "storage: 5\n")
    environ = os.environ | {"PYTHONPATH": str(_CHECKOUT), "STORAGE_CLEANUP_NONSENSE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""


def test_the_shipped_file_says_what_the_defaults_are() -> None:
    shipped = load_settings(_SHIPPED, environ={})
    default = load_settings(environ={}, directory=_CHECKOUT)
    assert shipped == Settings(**dict(default) | {"source": _SHIPPED})


def test_the_comments_of_the_shipped_file_show_valid_keys_and_their_defaults(tmp_path: Path) -> None:
    text = _SHIPPED.read_text(encoding="utf-8")
    written, optional = text.split("optional ---", 1)
    examples = re.sub(r"(?m)^  # (( *)[a-z_]+:( .*)?)$", r"  \1", optional)
    assert examples != optional
    shown = load_settings(_write(tmp_path, f"{written}optional ---{examples}"), environ={})
    default = load_settings(_write(tmp_path, "storage:\n"), environ={})
    assert shown.state_path == default.state_path
    assert shown.pressure == PressureSettings()  # nothing, unless it is asked for
    assert Settings(**dict(shown) | {"state_dir": None, "pressure": None}) == default
    keys = set(re.findall(r"(?m)^ +([a-z_]+):", f"{written}{examples}"))
    sections = [field.section for field in Settings.fields.values() if field.section]
    kinds: list[type[Section]] = [Settings, AreaSettings, *sections]
    assert {name for kind in kinds for name in kind.fields} - keys == {"source"}
