"""What the routes take, and the one shape of their failures; what they return is in `shelflife.shapes`.

From both the OpenAPI document is made, and from that typed clients.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from shelflife.scopes import Scope


def _request(example: dict[str, Any], **rules: Any) -> ConfigDict:
    """Return what all bodies have in common: nothing unknown is taken, and there is an example.

    `rules` are for the schema: what a validator refuses.
    """
    return ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_extra={"examples": [example], **rules}
    )


def _given(name: str, kind: str = "string") -> dict[str, Any]:
    """Return the schema of a body that has a value for `name`."""
    return {"required": [name], "properties": {name: {"type": kind}}}


_Target = Annotated[StrictStr, Field(min_length=1, max_length=4096)]


class CleanupRequest(BaseModel):
    """What to clean up."""

    model_config: ClassVar[ConfigDict] = _request({"areas": ["temp", "uploads"], "dry_run": True})

    areas: Annotated[list[StrictStr] | None, Field(min_length=1, max_length=1000)] = None
    """The areas, by key or directory name; all, if not given."""
    dry_run: StrictBool = False
    """Only say what would go."""
    approve: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """Id of a plan that waits for approval: it is carried out; `areas`, if given, have all of its."""

    unless_ran_within: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """Do nothing if a cleanup of these areas was completed since, such as `20h`."""


class ReliefRequest(BaseModel):
    """How to make room."""

    model_config: ClassVar[ConfigDict] = _request({"insist": False})

    insist: StrictBool = False
    """Go on although what went before gave no room, and beyond what goes unasked."""


class Nothing(BaseModel):
    """An empty object: there is nothing to say."""

    model_config: ClassVar[ConfigDict] = _request({})


class HoldRequest(BaseModel):
    """What to hold."""

    model_config: ClassVar[ConfigDict] = _request(
        {"path": "uploads/clip.mp4", "until": "+30d", "reason": "ticket 4711"}
    )

    path: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """A file, or a directory with all below it, relative to the base path."""
    path_b64: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """Instead of `path`: its bytes in Base64, for names that are not UTF-8."""
    until: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """When it ends by itself: `2026-12-24T18:00Z`, or `+30d` from now; null: when somebody ends it."""
    reason: Annotated[StrictStr, Field(max_length=1000)] = ""
    """Why, for those who come later."""


class ReservationRequest(BaseModel):
    """What room is promised for."""

    model_config: ClassVar[ConfigDict] = _request({"path": "uploads/4711/clip.mp4", "size": 300_000_000})

    path: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """Where the file is to be, relative to the base path."""
    path_b64: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """Instead of `path`: its bytes in Base64, for names that are not UTF-8."""
    size: Annotated[StrictInt | None, Field(ge=0, le=2**62)] = None
    """Bytes; null: it is not known, and room is promised step by step."""
    keep: Annotated[StrictInt, Field(ge=1, le=2_592_000)] = 86_400
    """Seconds that it waits for the next part, or to be published; then it is given up."""


class PublishRequest(BaseModel):
    """How to give a file its name."""

    model_config: ClassVar[ConfigDict] = _request({"overwrite": False})

    overwrite: StrictBool = False
    """Replace a file of that name, which goes to the trash of the area."""


class LeaseRequest(BaseModel):
    """What to keep while somebody works on it."""

    model_config: ClassVar[ConfigDict] = _request(
        {"paths": ["uploads/4711/clip.mp4"], "seconds": 600, "reason": "analysis"}
    )

    paths: Annotated[list[_Target], Field(min_length=1, max_length=100)]
    """Files, or directories with all below them, relative to the base path."""
    seconds: Annotated[StrictInt, Field(ge=1, le=2_592_000)]
    """How long, unless it is renewed."""
    reason: Annotated[StrictStr, Field(max_length=1000)] = ""
    """Why, for whoever asks."""


class RenewRequest(BaseModel):
    """How much longer to keep it."""

    model_config: ClassVar[ConfigDict] = _request({"seconds": 600})

    seconds: Annotated[StrictInt, Field(ge=1, le=2_592_000)]
    """From now."""


class RestoreRequest(BaseModel):
    """What to bring back from the trash."""

    model_config: ClassVar[ConfigDict] = _request(
        {"target": "uploads/clip.mp4"},
        anyOf=[
            _given("target"),
            _given("targets", "array"),
            _given("areas", "array"),
            _given("since"),
            _given("until"),
        ],
        **{"not": {"allOf": [_given("target"), _given("targets", "array")]}},
    )

    target: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """Where it was, relative to the base path; or the number of the run that removed it."""
    targets: Annotated[list[_Target] | None, Field(min_length=1, max_length=1000)] = None
    """Several of these."""
    areas: Annotated[list[StrictStr] | None, Field(min_length=1, max_length=1000)] = None
    """Only what was in these areas."""
    since: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """Only what went then or later, by when its run began: `2026-12-24T18:00Z`, or `2d` for two days ago."""
    until: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """Only what went before then."""
    to: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """Another path for it."""
    into: Annotated[StrictStr | None, Field(min_length=1, max_length=4096)] = None
    """A directory below which all comes back, laid out as it was below its area."""
    dry_run: StrictBool = False
    """Whether to say only what would come back."""
    hold: StrictBool = True
    """Whether what comes back is held for one retention, so that the next cleanup does not take it again."""

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if not (self.target or self.targets or self.areas or self.since or self.until):
            raise ValueError("say what is to come back: target, targets, areas, since or until")
        if self.target and self.targets:
            raise ValueError("give either target or targets")
        return self


class PurgeRequest(BaseModel):
    """What to remove from the trash for good."""

    model_config: ClassVar[ConfigDict] = _request({"areas": ["uploads"], "older_than": "2d"})

    areas: Annotated[list[StrictStr] | None, Field(min_length=1, max_length=1000)] = None
    """The areas; all, if not given."""
    older_than: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """Only what has waited longer."""


class TokenRequest(BaseModel):
    """A token to make."""

    model_config: ClassVar[ConfigDict] = _request({"name": "dashboard", "scopes": ["read", "read:paths"]})

    name: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    """Who uses it; shown wherever something was done with it."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    """What it opens."""
    areas: Annotated[list[StrictStr], Field(max_length=1000)] = []
    """The areas whose files it is good for; all, if there are none."""
    expires: Annotated[StrictStr | None, Field(min_length=1, max_length=100)] = None
    """When it ends: `2027-01-01`, or `+90d` from now; null: when it is revoked."""


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457). Further members depend on `type`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    """Tells problems apart; stable."""
    title: str
    status: int
    detail: str
    """This time, and what to do."""
