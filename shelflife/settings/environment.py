"""Environment variables that override the configuration file.

They are laid over the file's own tree, each value with its variable as origin, before anything is checked.
That is simpler than pydantic-settings, and closer to what is promised: which variables there are depends on
the areas that the file names; a misspelt ``STORAGE_RETENTION_UPLOAD`` must be an error, not silence; and each
problem must say whether a line or a variable is wrong, which is lost once sources are merged.

A relative ``STORAGE_BASE_PATH`` is an error: a shell means its working directory by it, a file its own, and a
wrong guess would clean up in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from shelflife.errors import Problem
from shelflife.settings.entry import SettingsEntry, shown
from shelflife.settings.quantities import whole_number
from shelflife.settings.spelling import did_you_mean

__all__ = ["overlay", "variables"]

_OURS = re.compile(r"STORAGE_(RETENTION|CLEANUP)_")
_KUBERNETES = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
"""What it injects for a Service, here one named storage-cleanup: its "service links", as Docker's were."""
_TRUTH = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


def _text(value: str) -> str:
    return value


def _number(value: str) -> int | str:
    """A number, or else text: a duration with a unit, or something that the checks will refuse."""
    number = whole_number(value)
    return value if number is None else number


def _truth(value: str) -> bool | str:
    return _TRUTH.get(value.lower(), value)


@dataclass(frozen=True, slots=True)
class Variable:
    """What an environment variable stands for."""

    loc: tuple[str, ...]
    """The setting that it overrides."""
    read: Callable[[str], str | int | bool]
    """Makes of its text what the file would say; leaves the text when it can't."""


def variables(areas: Iterable[str]) -> dict[str, Variable]:
    """Return the variables of a storage with these areas, by name."""
    retention = {f"STORAGE_RETENTION_{key.upper()}": ("areas", key, "retention") for key in areas}
    return {
        "STORAGE_BASE_PATH": Variable(("base_path",), _text),
        **{name: Variable(loc, _number) for name, loc in retention.items()},
        "STORAGE_CLEANUP_ENABLED": Variable(("cleanup", "enabled"), _truth),
        "STORAGE_CLEANUP_SCHEDULE": Variable(("cleanup", "schedule"), _text),
        "STORAGE_CLEANUP_DRY_RUN": Variable(("cleanup", "dry_run"), _truth),
        "STORAGE_CLEANUP_BATCH_SIZE": Variable(("cleanup", "batch_size"), _number),
        "STORAGE_CLEANUP_LOCK_TIMEOUT": Variable(("cleanup", "lock_timeout"), _number),
        "STORAGE_CLEANUP_TIMEZONE": Variable(("cleanup", "timezone"), _text),
    }


def overlay(tree: SettingsEntry, environ: Mapping[str, str]) -> tuple[SettingsEntry, list[Problem]]:
    """Return a tree of settings with what the environment overrides, and the variables that mean nothing.

    An empty variable is an unset one. Variables ``STORAGE_*`` of other kinds belong to others, and so do those
    that Kubernetes sets in each container for a Service whose name begins like ours.
    """
    known = variables(tree.section["areas"].section)
    for name, variable in known.items():
        if text := environ.get(name, "").strip():
            entry = SettingsEntry(variable.read(text), where=f"environment {name}", text=shown(text))
            tree = tree.put(variable.loc, entry)
    return tree, list(_unknown(environ, known))


def _unknown(environ: Mapping[str, str], known: Mapping[str, Variable]) -> Iterator[Problem]:
    for name in sorted(environ):
        if name in known or _KUBERNETES.fullmatch(name):
            continue
        kind = _OURS.match(name)
        if kind and environ[name].strip():
            allowed = [variable for variable in known if variable.startswith(kind[0])]
            reason = f"unknown variable; allowed: {', '.join(allowed)}{did_you_mean(name, allowed)}"
            yield Problem(where=f"environment {name}", value=shown(environ[name]), reason=reason)
