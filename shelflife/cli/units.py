"""`shelflife units`: lines for cron or units for systemd that run the cleanup."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from shelflife.cli import output
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.options import Config, Json, settings_of
from shelflife.errors import UsageError
from shelflife.settings import did_you_mean

if TYPE_CHECKING:
    from shelflife.settings import Settings


_KINDS: Final = ("cron", "systemd")


def units(
    kind: Annotated[str, Argument("cron|systemd", help="What is to start the cleanup.")],
    config: Config = None,
    as_json: Json = False,
    directory: Annotated[
        Path | None,
        Option("--output", metavar="DIR", help="Write the files there."),
    ] = None,
) -> int:
    """Print a crontab, or a systemd service and timer, that run the cleanup.

    They run at the times of cleanup.schedule in the configuration.

    Example: shelflife units cron | sudo tee /etc/cron.d/shelflife

    Example: sudo shelflife units systemd --output /etc/systemd/system
    """
    if kind not in _KINDS:
        raise UsageError(
            f'"{kind}": not a kind of units; allowed: {", ".join(_KINDS)}{did_you_mean(kind, _KINDS)}'
        )
    files = _files(kind, settings_of(config))
    if directory is not None:
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
            output.say(f"wrote {directory / name}")
    elif as_json:
        output.print_json(files)
    elif kind == "cron":
        print("".join(files.values()), end="")
    else:
        for name, text in files.items():
            print(f"# {name}\n{text}")
    return 0


def _files(kind: str, settings: Settings) -> dict[str, str]:
    """Return texts by file name."""
    try:
        from shelflife.schedule.unit_files import cron_table, systemd_units
    except ImportError as error:
        if (error.name or "").startswith("shelflife."):
            raise
        raise UsageError(f"{error.name} is missing: pip install 'shelflife[schedule]'") from None
    command = _command(settings)
    if kind == "cron":
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
