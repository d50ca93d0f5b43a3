"""`shelflife check`: whether cleanups can work on the storage as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from shelflife.cli import output
from shelflife.cli.grammar import Option
from shelflife.cli.options import Config, Json, engine_of
from shelflife.cli.terminal import BAD, CARE, GOOD, Styled, cells
from shelflife.errors import ExitCode, SettingsError

if TYPE_CHECKING:
    from shelflife.explain.check import Finding


MARKS: Final = {"ok": Styled("✓", GOOD), "warning": Styled("!", CARE), "error": Styled("✗", BAD)}
"""What stands before a finding of each level."""


def check(
    config: Config = None,
    as_json: Json = False,
    shared: Annotated[
        Path | None,
        Option(
            "--shared",
            metavar="DIRECTORY",
            help="Test instead what two machines see of each other's work; DIRECTORY is a second mount of "
            "the base path.",
        ),
    ] = None,
) -> int:
    """Check whether cleanups can work on the storage as it is.

    Looks at configuration, directories, permissions, records and schedule. Changes nothing. Run it as the user
    that the service runs as. Exit code 2 if anything is wrong (✗).

    Example: sudo -u www-data shelflife check --config /etc/media/config.yaml

    Example: shelflife check --shared /mnt/media-by-another-client
    """
    from shelflife.explain.check import Level
    from shelflife.shapes.check import finding_as_json

    findings = _findings(config, shared)
    if as_json:
        output.print_json([finding_as_json(finding) for finding in findings])
    else:
        width = max(cells(finding.check) for finding in findings)
        for finding in findings:
            mark = MARKS[finding.level.value]
            output.print_prose(finding.message, first=(mark, f" {finding.check:<{width}}  "))
    bad = any(finding.level is Level.ERROR for finding in findings)
    return ExitCode.USAGE if bad else ExitCode.DONE


def _findings(config: Path | None, shared: Path | None) -> list[Finding]:
    """Return what a check finds; a configuration that is wrong is a finding, too."""
    from shelflife.explain.check import Finding, Level

    try:
        engine = engine_of(config)
    except SettingsError as error:
        return [
            Finding(check="settings", level=Level.ERROR, message=str(problem)) for problem in error.problems
        ]
    return engine.check(trying=True) if shared is None else engine.check_shared(shared)
