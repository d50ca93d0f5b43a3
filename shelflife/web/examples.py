"""Examples for the OpenAPI document: an answer of each shape, made from its schema.

So each is as complete as its schema, and never out of date. What a field is called says what to show for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["example_of"]

_NUMBER: Final = 4711

_VALUES: Final[dict[str, Any]] = {
    "account": "ada", "actor": "ada", "area": "uploads", "areas": ["uploads"], "base_path": "/srv/media",
    "by": "ada", "cause": "retention", "cleaning": False, "complete": True, "created_by": "admin",
    "detail": "there is no run 4711; `shelflife history` lists them", "directory": "uploads", "disk": "uploads",
    "displaced": False, "dry_run": False, "ended": None, "ended_by": "", "errno": 0, "error": None, "errors": [],
    "expires": None, "failed": 0, "failures": [], "fills": [], "host": "media-1", "id": 4711, "kind": "run.done",
    "link": False, "location": "/storage/runs/12", "modified": "2026-12-10T09:30:00+00:00", "name": "dashboard",
    "needs_approval": False, "next_before": None, "next_cursor": None, "next_offset": None, "next_after": None,
    "outcome": "removed", "path": "uploads/clip.mp4", "phase": "removing", "pid": 4242,
    "place": "uploads/.trash/12/clip.mp4",
    "plan": "5f1c0ffee0", "reason": "", "reasons": [], "request": "8d3f9a61c04be7d2", "revoked": None, "run": 12,
    "schedule": "0 2 * * *", "scopes": ["read", "read:paths"], "size": 1048576, "state": "done", "status": 404,
    "subject": "12", "title": "Not found", "token": "shlf_…", "tree": False, "trigger": "schedule",
    "type": "urn:shelflife:problem:not-found", "until": "2027-01-24T18:00:00+00:00", "via": "http",
}  # fmt: skip
"""By the name of the field."""

_TIME: Final = "2026-12-24T02:00:03+00:00"


def example_of(schema: Mapping[str, Any], named: Mapping[str, Any], name: str = "") -> Any:
    """Return an example of a JSON schema; `named` has those that it refers to, `name` is what holds it."""
    if "$ref" in schema:
        return example_of(named[schema["$ref"].rpartition("/")[2]], named, name)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    value = _VALUES.get(name)
    if name in _VALUES and _fits(value, schema):
        return value
    if "enum" in schema:
        return schema["enum"][0]
    for options in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
        if options:
            some = [option for option in options if option.get("type") != "null"] or options
            return example_of(some[0], named, name)
    return _of_type(schema, named, name)


def _of_type(schema: Mapping[str, Any], named: Mapping[str, Any], name: str) -> Any:
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            fields = {
                key: example_of(of, named, key)
                for key, of in schema.get("properties", {}).items()
                if key in required
            }
            others = schema.get("additionalProperties")
            if isinstance(others, dict) and others and not fields:
                fields["uploads"] = example_of(others, named, name)
            return fields
        case "array":
            return [example_of(schema.get("items", {}), named, name)]
        case "integer":
            return max(_NUMBER, schema.get("minimum", 0))
        case "number":
            return min(71.5, schema.get("maximum", 71.5))
        case "boolean":
            return True
        case "string":
            return _TIME if schema.get("format") == "date-time" else name or "text"
    return None


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether the value for a field of that name is one of this schema."""
    if "enum" in schema:
        return value in schema["enum"]
    for options in (schema.get("anyOf"), schema.get("oneOf")):
        if options:
            return any(_fits(value, option) for option in options)
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str, "integer": int, "boolean": bool, "null": type(None), "number": (int, float)
    }  # fmt: skip
    kind = schema.get("type", "")
    if kind == "array":
        items = schema.get("items", {})
        return isinstance(value, list) and all(_fits(item, items) for item in value)
    if isinstance(value, bool) and kind != "boolean":
        return False
    return kind in kinds and isinstance(value, kinds[kind])
