"""Counting a directory entry by entry, and telling which of its entries are due.

This is the careful way of reading: each entry's class is found, and `Rules.judge` is asked about each that may be
due. What compiled code counts (`shelflife.files.native`) must come out the same.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING

from shelflife.files.listing import Entry, EntryKind, read_directory
from shelflife.files.survey import Key, Survey
from shelflife.policy.cutoff import KEEP_ALL, Cutoffs
from shelflife.policy.rules import File, stays_by_name
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shelflife.policy.area import Area


def managed(entries: Iterable[Entry], path: str, area: Area) -> Iterator[Entry]:
    """Yield what of the entries of the directory at `path` belongs to the area: all but what is ours."""
    return (entry for entry in entries if path or entry.name not in area.left_out)


Stays = Callable[[Entry], Reason | None]
"""Says why an entry stays for a reason outside of the rules: somebody holds it, or uses it. Raises OSError."""


def judged(
    fd: int, path: str, area: Area, cutoffs: Cutoffs, stays: Stays = lambda _: None
) -> Iterator[list[tuple[Entry, bool]]]:
    """Yield the entries of the open directory `fd`, in chunks, each with whether it goes by the rules.

    `path` is the directory's, below its area's. Where rules need neighbours, all of it is one chunk, and what
    `stays` keeps others, too; elsewhere that is not asked. Raises OSError.
    """
    chunks: Iterator[Iterable[Entry]] = read_directory(fd, area.rules.age_from)
    if area.rules.needs_neighbours:
        chunks = iter([list(chain.from_iterable(chunks))])
    for chunk in chunks:
        entries = list(managed(chunk, path, area))
        yield list(zip(entries, due_among(entries, path, area, cutoffs, stays), strict=True))


def due_among(
    entries: list[Entry], path: str, area: Area, cutoffs: Cutoffs, stays: Stays = lambda _: None
) -> list[bool]:
    """Return which of a directory's entries go; they must be all of them, where rules need neighbours."""
    rules = area.rules
    if not rules.needs_neighbours:
        return [is_due(entry, path, area, cutoffs) for entry in entries]
    those = [entry for entry in entries if entry.kind <= EntryKind.LINK]
    files = [File(path + entry.name, entry.time, is_link=entry.kind is EntryKind.LINK) for entry in those]
    verdicts = rules.judge_together(files, cutoffs)
    reasons = {at: stays(those[at]) for at, verdict in enumerate(verdicts) if verdict.remove}
    if staying := {at: reason for at, reason in reasons.items() if reason is not None}:
        verdicts = rules.judge_together(files, cutoffs, staying)
    gone = {entry.name for entry, verdict in zip(those, verdicts, strict=True) if verdict.remove}
    return [entry.name in gone for entry in entries]


def is_due(entry: Entry, path: str, area: Area, cutoffs: Cutoffs) -> bool:
    """Return whether an entry of the directory at `path` goes by itself, as far as its neighbours let it."""
    if entry.kind > EntryKind.LINK or entry.time >= cutoffs.latest:  # the cheapest question first
        return False
    return area.rules.judge(File(path + entry.name, entry.time), cutoffs).remove


def goes_with_unit(entry: Entry, path: str, area: Area, cutoffs: Cutoffs) -> bool:
    """Return whether an entry of the directory at `path` goes when the unit goes that it is a part of."""
    if entry.kind > EntryKind.LINK:
        return False
    return area.rules.look_again(File(path + entry.name, entry.time), cutoffs).remove


def survey_directory(
    fd: int, path: str, area: Area, *, settled_before: int, cutoffs: Cutoffs = KEEP_ALL
) -> Survey:
    """List the open directory `fd`, which is `path` below its area's directory, and return it in numbers.

    Times before `settled_before` (ns) count as settled; what is before the `cutoffs` is counted apart. Raises
    OSError when the directory cannot be read; an entry that cannot be looked at makes the survey incomplete
    instead.
    """
    survey = Survey(key=Key.at(fd))
    for chunk in judged(fd, path, area, cutoffs):
        for entry, due in chunk:
            count_entry(survey, entry, path, area, due=due)
    survey.changed = Key.at(fd) != survey.key
    survey.finish(path, settled_before, area.rules)
    return survey


def count_entry(survey: Survey, entry: Entry, path: str, area: Area, *, due: bool = False) -> None:
    """Count one entry of the directory at `path` into its survey."""
    survey.entries += 1
    match entry.kind:
        case EntryKind.FILE | EntryKind.LINK if stays_by_name(entry.name):
            survey.staying += 1
        case EntryKind.FILE | EntryKind.LINK:
            number = area.rules.class_of(path + entry.name)
            part = survey.part(number)
            survey.newest_change = max(survey.newest_change, entry.ctime)
            if entry.is_file:
                part.add_file(entry)
            part.add_time(entry.time, counts_for_groups=not area.rules.is_noise(path + entry.name))
            if due:
                survey.add_due(entry, number)
        case EntryKind.DIRECTORY:
            survey.children[entry.name] = entry.inode
        case EntryKind.OTHER:
            survey.staying += 1
            survey.special += 1
        case EntryKind.UNKNOWN:
            survey.complete = False
            survey.errno = entry.size
