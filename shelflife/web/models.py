"""What the routes take, and the one shape of their failures; what they return is in `shelflife.shapes`.

From both the OpenAPI document is made, and from that typed clients.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator


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


class Problem(BaseModel):
    """What went wrong (RFC 9457). Further members depend on `type`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    """Tells problems apart; stable."""
    title: str
    status: int
    detail: str
    """This time, and what to do."""
