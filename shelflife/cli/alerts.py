"""`shelflife alerts`: what needs a person, and whether receivers can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shelflife.cli import output
from shelflife.cli.options import Config, Json, engine_of
from shelflife.cli.terminal import CARE, Styled
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.engine import Engine
    from shelflife.run.making_room import DiskRelief

PATIENCE: Final = 12.0
"""Seconds that a command waits for receivers, once it is done; what they do not take is sent by a later one."""

ABOUT: Final = "List what needs a person, and test whether the receivers of `alerts:` can be reached."


def list_alerts(config: Config = None, as_json: Json = False) -> int:
    """List what needs a person now, whether or not anybody is sent a message.

    Example: shelflife alerts list
    """
    from shelflife.formats import moment
    from shelflife.shapes.alert import alert_as_json

    alerts = engine_of(config).alerts()
    if as_json:
        output.print_json([alert_as_json(alert) for alert in alerts])
        return ExitCode.DONE
    for alert in alerts:
        since = f" (since {moment(alert.since)})"
        output.print_prose(alert.text + since, first=[Styled(f"{alert.kind}: ", CARE)], indent="  ")
    if not alerts:
        output.print_line("nothing needs a person")
    return ExitCode.DONE


def try_receivers(config: Config = None, as_json: Json = False) -> int:
    """Send a test message to each receiver, and say which ones took it.

    Exit code 1 when one did not.

    Example: shelflife alerts test
    """
    results = engine_of(config).try_receivers()
    if as_json:
        output.print_json([{"receiver": name, "error": reason} for name, reason in results.items()])
    else:
        for name, reason in results.items():
            output.print_line(f"{name}: {'delivered' if reason is None else f'not delivered: {reason}'}")
    return ExitCode.SOME_FAILED if any(results.values()) else ExitCode.DONE


def tell(engine: Engine, relieved: Sequence[DiskRelief] | None = None) -> None:
    """Have people told what needs them, after a command has done its work; a receiver gets one try."""
    if engine.settings.alerts.has_receiver or relieved is not None:
        engine.tell(relieved, wait=PATIENCE)


VERBS: Final = {"list": list_alerts, "test": try_receivers}
