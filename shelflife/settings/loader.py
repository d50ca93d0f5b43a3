"""Settings from a configuration file and the environment.

File → strict YAML (`document`) → one tree (`fileformat`) → environment laid over (`environment`) → checked
values (`model`). Each step adds the problems it finds, the last one joins the model's to their places, and
all are raised together: whoever starts the program sees everything that has to be put right. A configuration
that can't be read never means "use the defaults"; only no file at all does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from shelflife.errors import Problem, SettingsError
from shelflife.settings.document import Document, parse_document
from shelflife.settings.entry import SettingsEntry, shown
from shelflife.settings.environment import overlay
from shelflife.settings.fileformat import arrange
from shelflife.settings.layout import DEFAULT_RETENTION
from shelflife.settings.model import Settings
from shelflife.settings.places import check_path_text, resolved_against
from shelflife.settings.section import Fault, attempt
from shelflife.settings.spelling import closest, did_you_mean

__all__ = ["CONFIG_NAME", "find_config", "load_settings"]

CONFIG_NAME = "config.yaml"
"""What a configuration file is called where none is named."""

_SECTION = "storage"
_logger = logging.getLogger(__name__)


def find_config(directories: Iterable[Path]) -> Path | None:
    """Return the first ``config.yaml`` in these directories, or None.

    One that is there but can't be read counts as found, so that reading it says why: it must not give way to
    another file or to the defaults.
    """
    return next((path for path in (folder / CONFIG_NAME for folder in directories) if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def load_settings(
    path: Path | str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """Read the settings of a storage.

    Args:
        path: the configuration file; None: there is none, and everything has its default.
        environ: the environment, by default that of the process.
        directory: where the file would be if there is none (default: the working directory); the default base
            path is ``storage`` in there.

    Raises:
        SettingsError: with all problems of file and environment.
    """
    source = _absolute(path) if path is not None else None
    folder = source.parent if source else resolved_against(Path.cwd(), directory or "")
    document = _read(Path(path)) if path is not None else Document(None)
    tree, problems = arrange(
        document.section or SettingsEntry(None, where=str(path or "default"), key=_SECTION)
    )
    has_base = "base_path" in tree.section
    tree, strange = overlay(_placed(tree, folder), os.environ if environ is None else environ)
    tree = tree.put(("source",), SettingsEntry(str(source) if source else None))
    settings, faults = attempt(Settings, tree.plain())
    problems = [*document.problems, *problems, *strange, *_without_retention(tree)]
    problems += [_located(fault, tree) for fault in faults]
    if settings is None or problems:
        raise SettingsError(sorted(problems, key=_order))
    if source is None:
        _logger.info("No configuration file: using the defaults, with base path %s", settings.base_path)
    base = tree.section["base_path"]
    if not has_base and base.key:  # neither the file nor the environment has it
        tree = tree.put(("base_path",), SettingsEntry(base.value))
    return settings.read_from(tree)


def _absolute(path: Path | str) -> Path:
    """A path from the root; the last step is not followed: a link's directory is where the link is."""
    path = Path(path)
    return resolved_against(Path.cwd(), path.parent) / path.name


def _read(path: Path) -> Document:
    """The document of a file; raises at once when nothing can be said about its section."""
    try:
        document = parse_document(path.read_bytes(), str(path), _SECTION)
    except (OSError, ValueError) as error:
        reason = f"can't be read: {getattr(error, 'strerror', None) or error}"
        raise SettingsError([Problem(where=str(path), reason=reason)]) from error
    problems = [*document.problems, *_misspelt(path, document)]
    if problems and document.section is None:
        raise SettingsError(problems)
    return document


def _misspelt(path: Path, document: Document) -> list[Problem]:
    """A file without our section is one with defaults, unless its author meant to write the section."""
    if _SECTION in document.keys or (key := closest(_SECTION, document.keys, cutoff=0.85)) is None:
        return []
    reason = f'unknown key, and there is no "{_SECTION}" (did you mean "{_SECTION}"?)'
    return [Problem(where=f"{path}:{document.keys[key]}", key=key, reason=reason)]


def _placed(tree: SettingsEntry, folder: Path) -> SettingsEntry:
    """Relative paths of a file start from its own directory."""
    default = SettingsEntry("storage", where=tree.where, key=f"{_SECTION}.base_path", text=shown("storage"))
    places = {"base_path": default, **tree.section}
    for key in ("base_path", "state_dir"):
        try:
            place = places[key]
            path = resolved_against(folder, check_path_text(place.value))
        except (KeyError, ValueError):
            continue  # not given, or refused later by the model's own check
        tree = tree.put((key,), place.become(str(path)))
    return tree


def _without_retention(tree: SettingsEntry) -> list[Problem]:
    """A further area without a retention is more likely a misspelt one than meant to be kept indefinitely."""
    reason = "a further area needs a retention; allowed: -1 (indefinitely), or a duration such as 24h"
    return [
        area.problem(f"{reason}{did_you_mean(key, DEFAULT_RETENTION)}")
        for key, area in tree.section["areas"].section.items()
        if isinstance(area.value, dict) and "retention" not in area.value
    ]


def _located(fault: Fault, tree: SettingsEntry) -> Problem:
    """A fault, as a problem of the deepest entry on the way to it that came from somewhere."""
    reason = (
        fault.reason if fault.value is not None else f"{fault.reason}; without the key, its default holds"
    )
    depth = len(fault.loc)
    entry, missing = tree.find(fault.loc)
    while (missing or not entry.where) and depth:
        depth -= 1
        entry, missing = tree.find(fault.loc[:depth])
    if depth == len(fault.loc):
        return entry.problem(reason)
    key = ".".join([entry.key, *map(str, fault.loc[depth:])])
    return Problem(where=entry.where, key=key, value=shown(fault.value), reason=reason)


def _order(problem: Problem) -> tuple[bool, int]:
    """Lines of the file first, then the environment."""
    line = problem.where.rpartition(":")[2]
    return (not line.isdecimal(), int(line) if line.isdecimal() else 0)
