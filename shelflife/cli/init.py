"""`shelflife init`: make the directories of a storage."""

from __future__ import annotations

from typing import Annotated

from shelflife.cli import output
from shelflife.cli.grammar import Option
from shelflife.cli.options import Config, Json, engine_of
from shelflife.formats import counted


def init(
    config: Config = None,
    as_json: Json = False,
    example: Annotated[
        bool,
        Option("--example", help="Print a configuration to begin with, and do nothing else."),
    ] = False,
    adopt: Annotated[
        bool, Option("--adopt", help="Join storage and journal, after one of them was replaced.")
    ] = False,
) -> int:
    """Make the directories of the storage where they are missing.

    With --adopt, a journal that belongs to another storage, or that was lost, is joined to this one; what the
    lost one held is held no longer.

    What is there is left as it is, so it may be called before every start.

    Example: shelflife init --example > config.yaml
    """
    if example:
        print(_example(), end="")
        return 0
    engine = engine_of(config)
    if adopt:
        engine.create()
        engine.adopt()
    base = engine.settings.base_path
    before = {name: (base / area.directories[0]).is_dir() for name, area in engine.areas.items()}
    made = {name: (path, not before[name]) for name, path in engine.create().items()}
    if as_json:
        areas = {name: {"path": str(path), "created": created} for name, (path, created) in made.items()}
        output.print_json({"base_path": str(base), "areas": areas})
        return 0
    for name, (path, created) in made.items():
        if created:
            output.print_line(f"created {path} for area {name}")
    output.print_line(f"{base} is ready: {counted(len(made), 'area', 'areas')}")
    return 0


def _example() -> str:
    from importlib.resources import files

    return files("shelflife.cli").joinpath("example.yaml").read_text(encoding="utf-8")
