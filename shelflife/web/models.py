r"""What the routes take and return. From these the OpenAPI document is made, and from that typed clients.

Sizes are bytes, times ISO 8601 in UTC. Beside a path that is not valid UTF-8 stands `path_b64`, its bytes in
Base64; in `path` each invalid byte then reads `\xff`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, WithJsonSchema, model_validator

Count = Annotated[int, Field(ge=0)]
"""A number of things, or of bytes."""

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time as the engine's answers have it, passed on as it is."""


class _Body(BaseModel):
    """Base of what is sent: complete and nothing else, so that the document can be relied upon."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class _Path(_Body):
    """Something with a path."""

    path: str
    r"""Legible; invalid bytes as `\xff`."""
    path_b64: str | None = None
    """The path's bytes in Base64; only when `path` is not the whole truth."""


# -- statistics


class AreaStats(_Body):
    """One area in numbers."""

    path: str
    """Its directory; absolute."""
    files: Count
    size_bytes: Count
    """Apparent size of the files."""
    size_human: str
    oldest_file: Time | None
    """Time of the oldest file that may expire."""
    newest_file: Time | None
    retention_seconds: Annotated[int, Field(ge=-1)]
    """How long files are kept; -1: indefinitely."""
    retention_human: str
    error: str | None = None
    """What could not be looked at; the numbers then hold what was known before."""


class StorageStats(_Body):
    """A storage in numbers, as its index knows it."""

    base_path: str
    total_size_bytes: Count
    total_size_human: str
    total_files: Count
    total_directories: Count
    directories: dict[str, AreaStats]
    """By area."""
    as_of: Time | None
    """When the storage was last looked at; null before the first time."""
    complete: bool
    """False until every area was looked at once: the numbers may still be too low."""


# -- cleanup


class CleanupRequest(BaseModel):
    """What to clean up."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"areas": ["temp", "uploads"], "dry_run": True}]},
    )

    areas: Annotated[list[StrictStr] | None, Field(min_length=1, max_length=1000)] = None
    """The areas, by key or directory name; all, if not given."""
    dry_run: StrictBool = False
    """Only say what would go."""
    approve: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """Id of a plan that was refused until a person approves it; its own areas are cleaned up."""

    @model_validator(mode="after")
    def _approves_or_asks(self) -> Self:
        if self.approve is not None and (self.areas is not None or self.dry_run):
            raise ValueError("approve stands alone: a plan says itself what is cleaned up")
        return self


class CleanedFile(_Path):
    """A file or symbolic link that went, or would go; `path` is absolute."""

    size_bytes: Count
    age_seconds: Count
    modified: Time


class AreaCleanup(_Body):
    """What was done in one area, or would be."""

    directory: str
    """The area."""
    dry_run: bool
    scanned: Count
    """Regular files considered."""
    deleted: Count
    """Regular files removed; 0 in a dry run."""
    links: Count
    """Symbolic links removed; in a dry run, those that would be."""
    trashed: Count
    """How many of the deleted ones wait in the trash."""
    purged: Count
    """Files that had waited in the trash long enough and are gone for good; not among the deleted ones."""
    failed: Count
    space_reclaimed_bytes: Count
    """Apparent size of what is gone; 0 in a dry run, and for what waits in the trash."""
    space_reclaimed_human: str
    disk_freed_bytes: Count
    """Blocks on disk that this gave back."""
    errors: list[str]
    files: list[CleanedFile]
    files_truncated: bool
    """Whether there are more files than are named here."""
    would_delete: Count | None = None
    """Regular files that would go; dry runs only."""
    would_reclaim_bytes: Count | None = None
    """Their apparent size; dry runs only."""


class CleanupResult(_Body):
    """What a cleanup did, or would do."""

    dry_run: bool
    run: int | None
    """The run's number, to look it up by; null in a dry run."""
    plan: str
    """Id of the plan that it carried out, or would."""
    state: str
    """`done`; `stopped` when the service was shut down meanwhile; `planned` for a dry run."""
    total_scanned: Count
    total_deleted: Count
    total_failed: Count
    total_space_reclaimed_bytes: Count
    total_space_reclaimed_human: str
    total_disk_freed_bytes: Count
    by_directory: dict[str, AreaCleanup]
    """By area; those kept indefinitely are left out."""
    errors: list[str]
    files_truncated: bool
    """Whether an area's files are not all named here: a response names 1,000 at the most."""
    would_delete: Count | None = None
    would_reclaim_bytes: Count | None = None


class CleanupAccepted(_Body):
    """A cleanup that is still running."""

    run: int | None
    """The run's number; null while it still plans, when it is not in the list of runs yet either."""
    state: str
    """`planning` or `running`."""
    location: str
    """Where to look: the run, or the list of runs while it has no number."""


# -- plans and answers


class AreaPlan(_Body):
    """What would go from one area."""

    cutoff: Time | None
    """What was last changed before it goes; null for an area that is kept indefinitely."""
    cause: str | None
    """What chose the cutoff."""
    files: Count
    bytes: Count
    directories: Count
    """Directories with something to remove."""
    links: Count
    scanned: Count
    special: Count
    """FIFOs, sockets and devices, which stay."""
    errors: list[str]


class Plan(_Body):
    """What a cleanup would do now, in numbers."""

    plan: str
    made: Time
    areas: dict[str, AreaPlan]
    files: Count
    bytes: Count
    scanned: Count
    needs_approval: bool
    reasons: list[str]
    """Why a person must approve it before it may run unwatched; empty when it may."""


class Answer(_Path):
    """What will happen to a path, or what happened to it; `path` is absolute."""

    area: str | None
    state: str
    """waiting, expired, kept, removed, trashed, missing, unmanaged or unknown."""
    reason: str
    rule: str | None
    """The setting that decides."""
    expires: Time | None
    when: Time | None
    """When it goes by the schedule, or when it went."""
    run: int | None
    """The run that removed it."""
    sentences: list[str]
    """All of it, for people."""


# -- runs


class RunCutoff(_Body):
    """An area's cutoff in a run."""

    cutoff: Time
    cause: str


class Run(_Body):
    """One run, as the journal remembers it."""

    run: int
    plan: str
    trigger: str
    """Who asked for it: schedule, cli, api, program."""
    host: str
    pid: int
    started: Time
    finished: Time | None
    state: str
    """running, done, stopped, failed, interrupted or refused."""
    reason: str
    """Why it was refused or failed; else empty."""
    cutoffs: dict[str, RunCutoff]
    report: dict[str, Any]
    """What it did: counts, also by area, and the first failures; empty while it runs."""


class Runs(_Body):
    """Some runs, the latest first."""

    runs: list[Run]
    next_before: int | None
    """The `before` that gives the next page; null on the last one."""


class RunFile(_Path):
    """What became of one file in a run; `path` is relative to the base path."""

    area: str
    at: Time
    outcome: str
    """removed, kept, failed, or unknown while the run is on it."""
    reason: str
    errno: int
    error: str | None
    size: Count
    modified: Time


class RunFiles(_Body):
    """Some of the files that a run meant to remove."""

    files: list[RunFile]
    next_offset: int | None
    """The `offset` that gives the next page; null on the last one."""


# -- the schedule, and the service itself


class SchedulerMetrics(_Body):
    """The schedule, and what all executed runs of this storage together did."""

    schedule: str
    enabled: bool
    last_run: Time | None
    last_success: Time | None
    total_runs: Count
    total_deleted: Count
    total_space_reclaimed_bytes: Count
    total_space_reclaimed_human: str
    running: bool
    """Whether the scheduler lives in the process that answers."""
    cleaning: bool
    """Whether a cleanup of this storage is going on, anywhere."""


class Health(_Body):
    """Whether the service lives, or is ready."""

    status: str
    problems: list[str] = []
    """What is in the way; empty when there is nothing."""


class Problem(BaseModel):
    """What went wrong (RFC 9457). Further members depend on `type`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    """Tells problems apart; stable."""
    title: str
    status: int
    detail: str
    """This time, and what to do."""
