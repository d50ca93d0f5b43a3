"""The OpenAPI document as a product: complete, true to its examples, and never broken for generated clients."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest

from scripts.openapi import SNAPSHOT, breaking_changes, document, text_of
from shelflife.web.docs import HEADERS, page_of
from shelflife.web.scopes import FILES, SCOPES

DOCUMENT = document()

OPERATIONS = [
    (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]

NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]


def test_the_snapshot_is_of_this_document_and_nothing_in_it_broke() -> None:
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert breaking_changes(kept, DOCUMENT) == []
    assert text_of(kept) == text_of(DOCUMENT), "run `python scripts/openapi.py`"


def test_operations_have_names_of_their_own_in_camel_case_and_a_summary() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert [name for name in NAMES if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)] == []
    assert [operation["operationId"] for _, _, operation in OPERATIONS if not operation["summary"]] == []


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_each_answer_has_an_example_that_its_schema_allows(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            if "json" in kind:
                assert "example" in content, (status, kind)
                schema = {**content["schema"], "components": DOCUMENT["components"]}
                jsonschema_rs.validate(schema, content["example"])
            elif status == "200" and "event-stream" in kind:
                assert "id: " in content["example"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_each_operation_says_what_it_needs(method: str, path: str, operation: dict[str, Any]) -> None:
    if not path.startswith("/storage"):
        return
    scope = SCOPES[method.upper(), path.removeprefix("/storage")]
    assert operation.get("x-scope") == (None if scope is None else scope.value)
    if scope is not None:
        anybody = {} in operation["security"]
        assert anybody == (method == "get")
        assert {"HTTPBearer": []} in operation["security"]
    headers = [
        DOCUMENT["components"]["parameters"][ref.rpartition("/")[2]]["name"] for ref in refs(operation)
    ]
    is_file = (method.upper(), path.removeprefix("/storage")) in FILES
    assert ("Idempotency-Key" in headers) == (method != "get" and not is_file)
    assert ("If-Match" in headers) == ("412" in operation["responses"])


def refs(operation: dict[str, Any]) -> Iterator[str]:
    return (one["$ref"] for one in operation["parameters"] if "$ref" in one)


# -- what breaks a client


def edit(path: str, change: Callable[[Any, str], object]) -> dict[str, Any]:
    """Return the document with something changed at a place in it."""
    edited = copy.deepcopy(DOCUMENT)
    place: Any = edited
    *steps, last = path.split(" ")
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    change(place, last)
    return edited


def drop(place: Any, key: str) -> None:
    del place[key]


def put(value: Any) -> Callable[[Any, str], None]:
    def change(place: Any, key: str) -> None:
        place[key] = value

    return change


def add(value: Any) -> Callable[[Any, str], None]:
    return lambda place, key: place[key].append(value)


def remove(value: Any) -> Callable[[Any, str], None]:
    return lambda place, key: place[key].remove(value)


BREAKING = {
    "a path": ("paths /storage/stats", drop),
    "a method": ("paths /storage/holds delete", drop),
    "a name": ("paths /storage/stats get operationId", put("stats")),
    "an answer": ("paths /storage/cleanup post responses 202", drop),
    "a field": ("components schemas StorageStats properties total_files", drop),
    "a field of a field": ("components schemas AreaStats properties files", drop),
    "a field that is not always there": ("components schemas StorageStats required", remove("total_files")),
    "another type": ("components schemas StorageStats properties total_files", put({"type": "string"})),
    "null": (
        "components schemas StorageStats properties total_files",
        put({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ),
    "a word": ("components schemas Scope enum", remove("hold")),
    "a parameter": ("paths /storage/runs get parameters 0 name", put("other")),
    "a required parameter": ("paths /storage/runs get parameters 0 required", put(True)),
    "a required field of a body": (
        "components schemas CleanupRequest",
        lambda p, k: p[k].update(required=["areas"]),
    ),
    "a field of a body": ("components schemas HoldRequest properties until", drop),
}


@pytest.mark.parametrize("what", BREAKING)
def test_what_breaks_clients_is_noticed(what: str) -> None:
    place, change = BREAKING[what]
    assert breaking_changes(DOCUMENT, edit(place, change)) != []


HARMLESS = {
    "a path": ("paths /storage/new", put({"get": {"operationId": "getNew", "responses": {}}})),
    "a field": ("components schemas StorageStats properties more", put({"type": "integer"})),
    "a field that is there": ("components schemas StorageStats required", add("total_files")),
    "a field of a body": ("components schemas CleanupRequest properties more", put({"type": "integer"})),
    "a word": ("components schemas Scope enum", add("more")),
    "a description": ("paths /storage/stats get description", put("better")),
    "an answer": ("paths /storage/stats get responses 206", put({"description": "part"})),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_added_breaks_nobody(what: str) -> None:
    place, change = HARMLESS[what]
    assert breaking_changes(DOCUMENT, edit(place, change)) == []


# -- the page


def test_the_page_shows_each_operation_and_asks_no_other_host_for_anything() -> None:
    page = page_of(DOCUMENT)
    assert [name for name in NAMES if f'id="{name}"' not in page] == []
    assert re.findall(r'(?:src|href)="(?!#|openapi\.json")', page) == []
    assert "<script" not in page
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]


def test_the_page_shows_what_is_in_the_document_as_text() -> None:
    odd = edit("paths /storage/stats get summary", put("<script>alert(1)</script>"))
    assert "<script" not in page_of(odd)
