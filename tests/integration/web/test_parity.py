"""What a verb can do and show, HTTP can, too: each verb, with each option, has its place there, or a reason.

A new verb or option fails here until it has one. What both show as JSON is held together in `test_shapes.py`.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from scripts.openapi import document
from shelflife.cli.app import VERBS, commands_of

DOCUMENT: Final = document()["paths"]

EVERYWHERE: Final = {"--config", "--json", "--help"}
"""Which configuration, and in which form: the service has its own, and HTTP speaks JSON."""

THE_MACHINE: Final = "it is about the machine that the service runs on, and who may log in there"

PLACES: Final[dict[str, dict[str, str]]] = {
    # "": the verb itself; else an option or argument. A place: METHOD path [?parameter | .field of the body].
    "check": {"": "GET /check", "--shared": THE_MACHINE + ": a second mount of the storage is named"},
    "status": {"": "GET /status"},
    "stats": {"": "GET /stats", "--as-recorded": "the route does just that, and has the storage looked at"},
    "plan": {
        "": "GET /plan",
        "AREA": "GET /plan ?area",
        "--files": "GET /plan/files",
        "--null": "GET /plan/files: as JSON lines, with `path_b64` for names that are no text",
        "--at": "GET /plan ?at",
        "--top": "GET /plan ?top",
    },
    "cleanup": {
        "": "POST /cleanup",
        "AREA": "POST /cleanup .areas",
        "--dry-run": "POST /cleanup .dry_run",
        "--approve": "POST /cleanup .approve",
        "--yes": "only a terminal is asked",
        "--pressure": "POST /relief",
        "--insist": "POST /relief .insist",
        "--unless-ran-within": "POST /cleanup .unless_ran_within",
    },
    "why": {"": "GET /why", "PATH": "GET /why ?path"},
    "whatif": {"": "GET /whatif", "AREA.KEY=VALUE": "GET /whatif ?change"},
    "forecast": {"": "GET /forecast"},
    "history": {
        "": "GET /runs",
        "RUN": "GET /runs/{run}/files",
        "--limit": "GET /runs ?limit",
        "--top": "GET /runs/{run}/files ?top",
        "--area": "GET /runs ?area",
        "--state": "GET /runs/{run}/files ?outcome",
        "--since": "GET /runs ?since",
    },
    "receive": {
        "": "PUT /files",
        "AREA/NAME": "PUT /files ?path",
        "--size": "PUT /files: `Content-Length` says it",
        "--overwrite": "PUT /files ?overwrite",
    },
    "trash list": {"": "GET /trash", "AREA": "GET /trash ?area"},
    "trash restore": {
        "": "POST /trash/restore",
        "PATH|RUN": "POST /trash/restore .target",
        "--as": "POST /trash/restore .to",
        "--to": "POST /trash/restore .into",
        "--area": "POST /trash/restore .areas",
        "--since": "POST /trash/restore .since",
        "--until": "POST /trash/restore .until",
        "--dry-run": "POST /trash/restore .dry_run",
        "--no-hold": "POST /trash/restore .hold",
    },
    "trash empty": {
        "": "POST /trash/purge",
        "AREA": "POST /trash/purge .areas",
        "--older-than": "POST /trash/purge .older_than",
    },
    "hold add": {
        "": "POST /holds",
        "PATH": "POST /holds .path",
        "--until": "POST /holds .until",
        "--reason": "POST /holds .reason",
    },
    "hold list": {"": "GET /holds", "--all": "GET /holds ?ended"},
    "hold remove": {"": "DELETE /holds", "PATH|RUN": "DELETE /holds ?path, or ?run"},
    "alerts list": {"": "GET /alerts"},
    "alerts test": {"": "POST /alerts/test"},
    "token add": {
        "": "POST /tokens",
        "NAME": "POST /tokens .name",
        "--scope": "POST /tokens .scopes",
        "--area": "POST /tokens .areas",
        "--expires": "POST /tokens .expires",
    },
    "token list": {"": "GET /tokens", "--all": "GET /tokens ?revoked"},
    "token revoke": {"": "DELETE /tokens/{name}", "NAME": "DELETE /tokens/{name}"},
    "init": {
        "": "the service makes the directories when it starts",
        "--example": "a configuration to begin with is for whoever has no service yet",
        "--adopt": "POST /adopt",
    },
    "serve": {"": THE_MACHINE, "--host": THE_MACHINE, "--port": THE_MACHINE, "--log-format": THE_MACHINE},
    "units": {"": THE_MACHINE, "cron|systemd": THE_MACHINE, "--output": THE_MACHINE},
    "completion": {"": THE_MACHINE, "bash|zsh|fish": THE_MACHINE, "WORD": THE_MACHINE},
}

GIVEN: Final = {
    command.name.removeprefix("shelflife "): {
        "",
        *(max(option.names, key=len) for option in command.options),
        *(argument.mark.metavar for argument in command.arguments),
    }
    - EVERYWHERE
    for verb in VERBS
    for command in commands_of(verb).values()
}

CASES: Final = [(verb, what, place) for verb, places in PLACES.items() for what, place in places.items()]


def test_each_verb_and_option_has_a_place_or_a_reason() -> None:
    assert {verb: set(places) for verb, places in PLACES.items()} == GIVEN


@pytest.mark.parametrize(("verb", "what", "place"), CASES, ids=lambda text: text.partition(":")[0])
def test_the_place_is_in_the_document(verb: str, what: str, place: str) -> None:
    method, _, rest = place.partition(" ")
    if method not in ("GET", "POST", "DELETE"):
        return  # a reason
    path, _, part = rest.partition(":")[0].partition(" ")
    operation: dict[str, Any] = DOCUMENT[f"/storage{path}"][method.lower()]
    if part.startswith("?"):
        assert part[1:].partition(",")[0] in {parameter.get("name") for parameter in operation["parameters"]}
    elif part.startswith("."):
        assert part[1:] in fields_of(operation)


def fields_of(operation: dict[str, Any]) -> set[str]:
    schemas = document()["components"]["schemas"]
    (content,) = operation["requestBody"]["content"].values()
    found: set[str] = set()
    for option in content["schema"].get("anyOf", [content["schema"]]):
        if "$ref" in option:
            found |= set(schemas[option["$ref"].rpartition("/")[2]]["properties"])
    return found
