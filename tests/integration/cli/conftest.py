"""A storage with a configuration file in the working directory, and the command line called on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shelflife.cli.app import run
from shelflife.engine import Engine
from shelflife.settings import load_settings
from shelflife.testing import aged_file

CONFIG = """\
storage:
  base_path: storage
  default_areas: false
  areas:
    uploads: {retention: 7d, protect: ["*.keep"]}
    contact_sheets: {retention: 30d}
    outputs: {retention: -1}
  cleanup: {schedule: "0 2 * * *"}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True)
class Site:
    """A directory with config.yaml and, below it, the storage."""

    directory: Path
    capture: pytest.CaptureFixture[str]

    @property
    def base(self) -> Path:
        return self.directory / "storage"

    @property
    def engine(self) -> Engine:
        return Engine(load_settings(self.directory / "config.yaml"))

    def configure(self, text: str) -> None:
        (self.directory / "config.yaml").write_text(text)

    def file(self, path: str, *, age: str | float = "8d", size: int = 10) -> Path:
        return aged_file(self.base / path, age=age, size=size)

    def call(self, *arguments: str) -> Result:
        self.capture.readouterr()
        code = run(arguments)
        return Result(code, *self.capture.readouterr())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Site:
    """A storage whose directories are made, described by ./config.yaml."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "STORAGE_BASE_PATH"):
        monkeypatch.delenv(name, raising=False)
    made = Site(tmp_path, capsys)
    made.configure(CONFIG)
    made.engine.create()
    return made
