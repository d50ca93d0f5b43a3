"""`shelflife units`: lines for cron or units for systemd that run the cleanup."""

from __future__ import annotations

import shlex
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shelflife.cli import output
from shelflife.cli.options import Config, Json, settings_of
from shelflife.errors import UsageError

if TYPE_CHECKING:
    from shelflife.settings import Settings


class Kind(StrEnum):
    """What is to start the cleanup."""

    CRON = "cron"
    SYSTEMD = "systemd"


def units(
    kind: Annotated[Kind, typer.Argument(metavar="cron|systemd", help="What is to start the cleanup.")],
    config: Config = None,
    as_json: Json = False,
    directory: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Write the files there.", show_default=False),
    ] = None,
) -> int:
    """Print what cron or systemd needs to run the cleanup by the schedule of the configuration.

    [bold]Example[/]  shelflife units cron --config /etc/media/config.yaml | sudo tee /etc/cron.d/shelflife

    [bold]Example[/]  sudo shelflife units systemd --output /etc/systemd/system
    """
    files = _files(kind, settings_of(config))
    if directory is not None:
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
            output.say(f"wrote {directory / name}")
    elif as_json:
        output.print_json(files)
    elif kind is Kind.CRON:
        print("".join(files.values()), end="")
    else:
        for name, text in files.items():
            print(f"# {name}\n{text}")
    return 0


def _files(kind: Kind, settings: Settings) -> dict[str, str]:
    """Return texts by file name."""
    try:
        from shelflife.schedule.units import cron_table, systemd_units
    except ImportError as error:
        if (error.name or "").startswith("shelflife."):
            raise
        raise UsageError(f"{error.name} is missing: pip install 'shelflife[schedule]'") from None
    command = _command(settings)
    if kind is Kind.CRON:
        return {"shelflife": cron_table(settings, command=command)}
    return systemd_units(settings, command=command)


def _command(settings: Settings) -> str:
    """Return how to call this program with this configuration from anywhere."""
    assert settings.source is not None  # noqa: S101 - for mypy; settings of a verb come from a file
    program = shutil.which(sys.argv[0])
    start = [str(Path(program).absolute())] if program else [sys.executable, "-m", "shelflife"]
    if program and Path(program).suffix == ".py":
        start = [sys.executable, "-m", "shelflife"]
    return shlex.join([*start, "--config", str(settings.source.absolute())])
