"""What cron or systemd needs to run the cleanup: instead of a service, or as a backup beside one.

Beside a service the cleanup of the same slot would come twice. So the command runs only if none came to its
end a good part of a period ago, and that another one is just running (exit code 4) counts as success.
"""

from __future__ import annotations

import pwd
import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.errors import ExitCode, UsageError
from shelflife.policy.schedule import Schedule
from shelflife.schedule.calendar import crontab_fields, on_calendar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shelflife.settings import Settings

__all__ = ["SERVICE", "TIMER", "cron_table", "systemd_units"]

SERVICE: Final = "shelflife-cleanup.service"
TIMER: Final = "shelflife-cleanup.timer"

_RECENT: Final = 20 * 3600
"""Seconds since the last cleanup that make another one unnecessary, for a schedule of once a day or less."""

_SOME_DAY: Final = 1_767_225_600 * SECOND
_SLOTS: Final = 200
"""Slots from some day on among which the shortest distance is looked for."""

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PRIVATE: Final = ("/tmp", "/var/tmp")  # noqa: S108 - the places that PrivateTmp= hides


def cron_table(settings: Settings, *, command: str) -> str:
    """Return a file for `/etc/cron.d` that runs the cleanup by the schedule.

    `command` calls this program with its configuration, quoted for a shell; the verb is appended. Raises
    UsageError for what cannot be written in a crontab.
    """
    _check(settings, command)
    if "\\" in command:  # some crons remove a backslash before % and \, others only one before %
        raise UsageError("a path with a backslash means different things to different crons; rename it")
    cleanup = settings.cleanup
    line = f"{command} {_verb(settings)} >/dev/null || [ $? -eq {ExitCode.BUSY:d} ]".replace("%", r"\%")
    return f"""\
# Cleanup of {settings.base_path}: a file for /etc/cron.d.
# In a crontab of one user, leave out the user's name after the five fields of the time.
# Exit code {ExitCode.BUSY:d}: another cleanup is running, such as the service's own. That is as good.
# Only errors are mailed. Variables STORAGE_* that the service has must be set here too.
SHELL=/bin/sh
PATH={_PATH}
# The time zone of the schedule. cronie knows this line; Debian's cron goes by the time zone of the machine.
CRON_TZ={cleanup.timezone}
# MAILTO=you@example.org

{crontab_fields(cleanup.schedule)} {_user_name(settings)} {line}
"""


def systemd_units(settings: Settings, *, command: str) -> dict[str, str]:
    """Return service and timer for systemd, by file name.

    `command` as for `cron_table`. Raises UsageError for what cannot be written in a unit.
    """
    _check(settings, command)
    return {SERVICE: _service(settings, command), TIMER: _timer(settings)}


_SERVICE: Final = """\
[Unit]
Description=Cleanup of {base_path}
RequiresMountsFor={mount}

[Service]
Type=oneshot
# The colon: no word is the name of a variable.
ExecStart=:{command}
# Another cleanup is running, such as the service's own. That is as good.
SuccessExitStatus={busy}
# The owner of the storage. Variables STORAGE_* that the service has must be set here too (EnvironmentFile=).
User={user}
Group={group}
Nice=10
IOSchedulingClass=idle

# It may write here and nowhere else.
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome=read-only
PrivateTmp={private_tmp}
NoNewPrivileges=yes
# For an owner who is root: files of others, and whether somebody has them open.
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_LEASE CAP_SYS_PTRACE
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""


def _service(settings: Settings, command: str) -> str:
    words = [*shlex.split(command), *shlex.split(_verb(settings))]
    if set(words[0]) & set("\"'\\"):  # systemd does not start a program of such a name itself
        words = ["/bin/sh", "-c", 'exec "$0" "$@"', *words]
    owner = _existing(settings.base_path).stat()
    writable = _writable(settings)
    hidden = any(word.startswith(f"{place}/") for word in [*words, *writable] for place in _PRIVATE)
    return _SERVICE.format(
        base_path=_escaped(str(settings.base_path)),
        mount=_words([str(settings.base_path)]),
        command=_words(words),
        busy=int(ExitCode.BUSY),
        user=_user(owner.st_uid),
        group=owner.st_gid,
        writable=_words(writable),
        private_tmp="no" if hidden else "yes",
    )


def _timer(settings: Settings) -> str:
    cleanup = settings.cleanup
    events = "\n".join(f"OnCalendar={event}" for event in on_calendar(cleanup.schedule, cleanup.timezone))
    return f"""\
[Unit]
Description=Cleanup of {_escaped(str(settings.base_path))}, by its schedule

[Timer]
# cron: {cleanup.schedule} ({cleanup.timezone})
{events}
AccuracySec=1s
RandomizedDelaySec=0
# What was missed while the machine was off is made up for.
Persistent=true

[Install]
WantedBy=timers.target
"""


def _verb(settings: Settings) -> str:
    return f"cleanup --unless-ran-within {_recent(Schedule.of(settings.cleanup))}"


def _recent(schedule: Schedule) -> str:
    """Return how recent a cleanup makes another one unnecessary: five sixths of a period, at most 20 h."""
    slots: list[int] = []
    slot = schedule.next_after(_SOME_DAY)
    while slot is not None and len(slots) < _SLOTS:
        slots.append(slot)
        slot = schedule.next_after(slot)
    gaps = [later - earlier for earlier, later in pairwise(slots)]
    seconds = min([_RECENT, *(gap // SECOND * 5 // 6 for gap in gaps)])
    if seconds % 3600 == 0:
        return f"{seconds // 3600}h"
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


# -- whom and where


def _existing(path: Path) -> Path:
    """Return the path, or the nearest directory above it that is there: what is made takes its owner."""
    return next(place for place in (path, *path.parents) if place.exists())


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _user_name(settings: Settings) -> str:
    uid = _existing(settings.base_path).stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        reason = f"the owner of {settings.base_path} is uid {uid}, which has no name, and cron needs one"
        raise UsageError(f"{reason}; use `units systemd`") from None


def _writable(settings: Settings) -> list[str]:
    """Return the directories that a cleanup writes to."""
    base, state = settings.base_path, settings.state_path
    if state.is_relative_to(base):
        return [str(base)]
    return [str(base), str(_existing(state))]


# -- how it is written


def _check(settings: Settings, command: str) -> None:
    if not all(text.isprintable() for text in (command, str(settings.base_path), str(settings.state_path))):
        raise UsageError(
            "a path with a line break, another control character or an invalid byte "
            "cannot be written in a unit or a crontab; rename it"
        )


def _escaped(text: str) -> str:
    """Return text for a unit's setting, where % begins a specifier."""
    return text.replace("%", "%%")


def _words(words: Iterable[str]) -> str:
    """Return words as systemd splits them."""
    return " ".join(map(_word, words))


def _word(word: str) -> str:
    text = _escaped(word)
    if re.fullmatch(r"[\w./:=@%,+-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
