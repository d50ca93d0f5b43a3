"""What an error says besides its sentence: the same for a shell and for an HTTP client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shelflife.errors import AlreadyThere, CleanupBusy, NeedsApproval, NoRoom, PartlyRestored, SettingsError
from shelflife.formats import printable
from shelflife.shapes.schema import Time, TypedDict, shape

if TYPE_CHECKING:
    from shelflife.errors import LockHolder, ShelflifeError

__all__ = ["Holder", "details_of", "error_as_json", "holder_as_json"]


@shape
class Holder(TypedDict):
    """Who runs a cleanup now."""

    pid: int
    """Means nothing on another host, or in another container."""
    host: str
    since: Time


def holder_as_json(holder: LockHolder) -> Holder:
    """Return who runs a cleanup now."""
    return {"pid": holder.pid, "host": printable(holder.host), "since": holder.since.isoformat()}


def error_as_json(error: ShelflifeError) -> dict[str, Any]:
    """Return an error as the command line prints it: `type`, `message`, `exit_code`, and what it carries."""
    meaning = {
        "type": error.meaning.slug,
        "message": printable(str(error)),
        "exit_code": int(error.exit_code),
    }
    return {"error": meaning | details_of(error)}


def details_of(error: ShelflifeError, *, values: bool = True) -> dict[str, Any]:
    """Return what an error carries, by name.

    Of a configuration, `problems`; of a refusal, `plan`, `reasons` and `would_remove`; of a restore, `run`,
    `files` and `left`; of another cleanup, its `holder`; of missing room, `needed`, `available`, `could_free` and
    `again`; of a name that is taken, `path`.

    Without `values`, the problems of a configuration leave out what was configured: it may hold what is not
    for everybody who may ask.
    """
    match error:
        case SettingsError():
            return {
                "problems": [
                    {"where": problem.where, "key": problem.key}
                    | ({"value": problem.value} if values else {})
                    | {"reason": problem.reason}
                    for problem in error.problems
                ]
            }
        case NeedsApproval():
            return {
                "plan": error.plan,
                "reasons": [printable(reason) for reason in error.reasons],
                "would_remove": dict(error.would_remove),
            }
        case PartlyRestored():
            return {"run": error.run, "files": error.counts[0], "left": error.counts[1]}
        case NoRoom():
            return {
                "needed": error.needed,
                "available": error.available,
                "could_free": error.could_free,
                "again": None if error.again is None else error.again.isoformat(),
            }
        case AlreadyThere():
            return {"path": printable(error.path)}
        case CleanupBusy():
            return {"holder": None if error.holder is None else holder_as_json(error.holder)}
    return {}
