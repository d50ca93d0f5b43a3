"""What several verbs take: the configuration, the form of the answer, areas, durations, moments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from shelflife.cli.grammar import Argument, Option
from shelflife.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shelflife.engine import Engine
    from shelflife.events import Listener
    from shelflife.settings import Settings

Config = Annotated[
    Path | None,
    Option(
        "--config",
        metavar="FILE",
        help="The configuration; without it, config.yaml in the working directory.",
    ),
]
"""`--config FILE`."""

Json = Annotated[bool, Option("--json", help="Print JSON.")]
"""`--json`."""


def area_names(config: Path | None) -> list[str]:
    """Return the names of the areas, to complete what is typed."""
    return list(settings_of(config).areas)


Areas = Annotated[
    list[str] | None,
    Argument("AREA", help="Only these areas, by name or directory.", complete=area_names),
]
"""Areas of the storage; none means all."""


def settings_of(config: Path | None) -> Settings:
    """Return the settings of the file that was named, or found. Raises SettingsError, UsageError."""
    from shelflife.settings import CONFIG_NAME, find_config, load_settings

    path = config or find_config([Path.cwd()])
    if path is None:
        raise UsageError(
            f"there is no {CONFIG_NAME} in {Path.cwd()}; name one with --config FILE, "
            f"or begin with `shelflife init --example > {CONFIG_NAME}`"
        )
    return load_settings(path)


def engine_of(config: Path | None, *, listeners: Iterable[Listener] = ()) -> Engine:
    """Return the engine of the storage that the configuration describes. Raises as `settings_of`."""
    from shelflife.engine import Engine

    return Engine(settings_of(config), listeners=listeners)


_LEAST_BARE: Final = 60
"""Seconds that may be given without a unit."""


def seconds_of(text: str, option: str) -> int:
    """Return the seconds of a duration such as `20h`.

    Raises UsageError, also for a small number without a unit: `5` is typed for `5h`, and would be five seconds.
    """
    from shelflife.settings import parse_duration

    bare = int(text) if text.isdecimal() else 0
    if 0 < bare < _LEAST_BARE:
        raise UsageError(
            f'{option} "{text}": {text} of what? Say the unit, such as {text}h, or {text}s for seconds'
        )
    try:
        return parse_duration(int(text) if text.isdecimal() else text)
    except ValueError as error:
        raise UsageError(f'{option} "{text}": {error}') from None


def past_moment_of(text: str, now: int, *, option: str = "--since") -> int:
    """Return the moment (ns) that `2026-12-24`, or `7d` for seven days ago, means. Raises UsageError."""
    from shelflife.settings.quantities import past_moment_of as parse

    return parse(text, now, name=option)


def moment_of(text: str, now: int, *, option: str = "--at") -> int:
    """Return the moment (ns) that a time on the command line means. Raises UsageError."""
    from shelflife.settings.quantities import moment_of as parse

    return parse(text, now, name=option)
