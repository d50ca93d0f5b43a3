"""The OpenAPI document: what FastAPI knows of the routes, and what it cannot know.

Which scope an operation needs, which headers go in and out, an example of each answer, what the stream of events
looks like. Clients are generated from it; what may not change in it is tested (`scripts/openapi.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shelflife.web.caller import COOKIE
from shelflife.web.examples import example_of
from shelflife.web.models import ProblemDetails
from shelflife.web.problems import MEDIA_TYPE
from shelflife.web.scopes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

__all__ = ["document_of"]

_JSON: Final = "application/json"

_STREAM: Final = """\
id: 42
event: run.progress
data: {"id": 42, "at": "2026-12-24T02:00:03+00:00", "kind": "run.progress", "subject": "12", "done": 1200}

: ping
"""


def _header(name: str, about: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": about,
        "schema": {"type": "string", **schema},
    }


_PARAMETERS: Final = {
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "The caller's name for this very request: however often it is sent, it is carried out once",
        minLength=1,
        maxLength=255,
        pattern="^[ -~]+$",
    ),
    "Prefer": _header("Prefer", "`wait=5`: how many seconds to wait for the run; ten, unless said"),
    "IfMatch": _header("If-Match", "The `ETag` of what was seen: if it has changed, nothing is done (412)"),
    "IfNoneMatch": _header("If-None-Match", "The `ETag` of what is known: 304 if it has not changed"),
    "RequestId": _header("X-Request-ID", "What the request is to be called in logs and records"),
}


def _answer(about: str, **schema: Any) -> dict[str, Any]:
    return {"description": about, "schema": {"type": "string", **schema}}


_HEADERS: Final = {
    "ETag": _answer("What `If-None-Match` and, where it is said, `If-Match` take"),
    "Location": _answer("Where to look"),
    "RetryAfter": _answer("Seconds until it is worth trying again", pattern="^[0-9]+$"),
    "RequestId": _answer("What the request is called in logs and records"),
    "Link": _answer('Where the next page is: `<?…>; rel="next"`, relative to this URL'),
    "PreferenceApplied": _answer("How long was waited: `wait=5`"),
    "Deprecation": _answer("Since when it should not be used any more: `@` and seconds (RFC 9745)"),
}


_WITH_RUN: Final = ("CleanupResult", "CleanupAccepted", "Restored")
"""Answers that have the number of a run."""


def document_of(app: FastAPI, prefix: str = "/storage") -> Callable[[], dict[str, Any]]:
    """Return what makes the document of an application, once; `prefix` is where the routes are."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _finished(make(), prefix)
        return app.openapi_schema

    return openapi


def _finished(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["parameters"], components["headers"] = _PARAMETERS, _HEADERS
    components.setdefault("schemas", {})["Problem"] = ProblemDetails.model_json_schema()
    components.setdefault("securitySchemes", {})["Session"] = {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "For browsers: `POST /session` gives it for a token; good for requests of our own pages",
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _describe(operation)
            if path.startswith(prefix):
                scope = SCOPES.get((method.upper(), path.removeprefix(prefix)))
                _secure(operation, method, scope)
                _add_parameters(operation, method)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True  # that none is taken, too, is for old clients
            for status, answer in operation["responses"].items():
                _add_headers(answer, dict(_headers_of(operation, method, status)))
                _add_example(answer, components.get("schemas", {}))
                if method == "post":
                    _add_links(answer)
    return document


def _describe(operation: dict[str, Any]) -> None:
    """Make the first line of a docstring the summary, and the rest the description."""
    first, _, rest = operation.get("description", "").partition("\n")
    operation["summary"] = first.rstrip(".") or operation.get("summary", "")
    operation["description"] = rest.strip() or first


def _secure(operation: dict[str, Any], method: str, scope: str | None) -> None:
    """Say what the caller needs: to look, nothing on this machine, but a token from elsewhere."""
    if scope is not None:
        operation["x-scope"] = str(scope)
        operation["description"] += f"\n\nNeeds the scope `{scope}`."
    secured = operation.get("security")
    if secured:
        operation["security"] = [*secured, {"Session": []}]
    elif method == "get" and scope is not None:
        operation["security"] = [{}, {"HTTPBearer": []}, {"Session": []}]


def _add_parameters(operation: dict[str, Any], method: str) -> None:
    wanted = ["RequestId"]
    is_file = "application/octet-stream" in operation.get("requestBody", {}).get("content", {})
    if method != "get" and not is_file:  # a file is not read twice to see that it is the same one
        wanted.append("IdempotencyKey")
    if method == "post" and "202" in operation["responses"]:
        wanted.append("Prefer")
    if "412" in operation["responses"]:
        wanted.append("IfMatch")
    if method == "get" and _JSON in operation["responses"]["200"].get("content", {}):
        wanted.append("IfNoneMatch")
        operation["responses"]["304"] = {"description": "It has not changed since"}
    parameters = operation.setdefault("parameters", [])
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in wanted]


def _headers_of(operation: dict[str, Any], method: str, status: str) -> Iterator[tuple[str, str]]:
    """Yield the headers of an answer, each with its name in the components."""
    yield "X-Request-ID", "RequestId"
    if status == "200" and method == "get" and _JSON in operation["responses"]["200"].get("content", {}):
        yield "ETag", "ETag"
        if {"limit", "before", "cursor"} & {one.get("name") for one in operation.get("parameters", ())}:
            yield "Link", "Link"
    if status in ("429", "503"):
        yield "Retry-After", "RetryAfter"
    if "202" in operation["responses"] and status in ("200", "202", "204") and method == "post":
        yield "Location", "Location"
        yield "Preference-Applied", "PreferenceApplied"
    if operation.get("deprecated") and status == "200":
        yield "Deprecation", "Deprecation"


def _add_headers(answer: dict[str, Any], headers: dict[str, str]) -> None:
    known = answer.setdefault("headers", {})
    known |= {name: {"$ref": f"#/components/headers/{part}"} for name, part in headers.items()}


def _add_example(answer: dict[str, Any], named: dict[str, Any]) -> None:
    for kind, content in answer.get("content", {}).items():
        if kind == "text/event-stream":
            content["example"] = _STREAM
        elif kind == MEDIA_TYPE:
            content["schema"] = {"$ref": "#/components/schemas/Problem"}
        elif "json" in kind and "schema" in content:
            content["example"] = example_of(content["schema"], named)


def _add_links(answer: dict[str, Any]) -> None:
    """Say which operations go on from an answer: those upon the run that it tells of."""
    schema = answer.get("content", {}).get(_JSON, {}).get("schema", {})
    names = {one.get("$ref", "").rpartition("/")[2] for one in (schema, *schema.get("anyOf", ()))}
    if names & set(_WITH_RUN):
        answer["links"] = {
            operation: {"operationId": operation, "parameters": {"run": "$response.body#/run"}}
            for operation in ("getRun", "stopRun", "listRunFiles")
        }
