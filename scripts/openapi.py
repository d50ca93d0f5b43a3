"""Write tests/data/openapi.json: the OpenAPI document that clients were generated from.

python scripts/openapi.py             # writes it; refuses if that would break clients
python scripts/openapi.py --breaking  # writes it all the same
python scripts/openapi.py --print     # prints the document
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shelflife.settings import Settings
from shelflife.web import create_app

SNAPSHOT: Final = Path(__file__).parents[1] / "tests" / "data" / "openapi.json"


def document() -> dict[str, Any]:
    """Return the document as it is now, of an application of no particular version."""
    made = create_app(Settings.build(base_path="/srv/media", areas={"uploads": "7d"})).openapi()
    return {**json.loads(json.dumps(made)), "info": {**made["info"], "version": "0"}}


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what would break clients that were generated from the old document."""
    return list(dict.fromkeys(_Comparison(old, new).of_documents()))


class _Comparison:
    """Compares two documents, schema by schema."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, bool]] = set()
        """Pairs of named schemas that were compared, for requests or for answers: they may contain themselves."""

    def of_documents(self) -> Iterator[str]:
        for path, item in self._old["paths"].items():
            for method, operation in item.items():
                where = f"{method.upper()} {path}"
                other = self._new["paths"].get(path, {}).get(method)
                if other is None:
                    yield f"{where} is gone"
                else:
                    yield from self._of_operations(operation, other, where)

    def _of_operations(self, old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{where}: operationId {old['operationId']} has become {new['operationId']}"
        yield from self._of_parameters(old, new, where)
        yield from self._of_bodies(old, new, where)
        for status, answer in old["responses"].items():
            if status.startswith("2"):
                other = new["responses"].get(status)
                if other is None:
                    yield f"{where}: the answer {status} is gone"
                    continue
                for kind, content in answer.get("content", {}).items():
                    if kind not in other.get("content", {}):
                        yield f"{where}: {status} does not come as {kind} any more"
                    else:
                        schemas = content.get("schema", {}), other["content"][kind].get("schema", {})
                        yield from self._of_schemas(*schemas, f"{where} → {status}", is_request=False)

    def _of_parameters(self, old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
        before, now = self._parameters(self._old, old), self._parameters(self._new, new)
        for key in before.keys() - now.keys():
            yield f"{where}: the parameter {key[1]} is gone"
        for key, one in now.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{where}: the parameter {key[1]} is required now"
            if key in before:
                schemas = before[key].get("schema", {}), one.get("schema", {})
                yield from self._of_schemas(*schemas, f"{where} {key[1]}", is_request=True)

    def _of_bodies(self, old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
        before, now = old.get("requestBody", {}), new.get("requestBody", {})
        if now.get("required") and not before.get("required"):
            yield f"{where}: a body is required now"
        for kind, content in before.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{where}: no body of {kind} is taken any more"
            else:
                schemas = content.get("schema", {}), now["content"][kind].get("schema", {})
                yield from self._of_schemas(*schemas, f"{where} body", is_request=True)

    def _of_schemas(
        self, old: dict[str, Any], new: dict[str, Any], where: str, *, is_request: bool
    ) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""), is_request)
        if any(pair[:2]):
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = self._resolved(self._old, old), self._resolved(self._new, new)
        before, now = self._kinds(self._old, old), self._kinds(self._new, new)
        lost, gained = before.keys() - now.keys(), now.keys() - before.keys()
        if lost and is_request:
            yield f"{where} takes {', '.join(sorted(lost))} no longer"
        if gained and not is_request and "anything" not in before:
            yield f"{where} may be {', '.join(sorted(gained))} now"
        if "enum" in old and (
            gone := set(map(str, old["enum"])) - set(map(str, new.get("enum", old["enum"])))
        ):
            yield f"{where}: {', '.join(sorted(gone))} is gone"
        for kind in before.keys() & now.keys():
            if kind == "array":
                items = before[kind].get("items", {}), now[kind].get("items", {})
                yield from self._of_schemas(*items, f"{where}[]", is_request=is_request)
            elif kind == "object":
                yield from self._of_objects(before[kind], now[kind], where, is_request=is_request)

    def _of_objects(
        self, old: dict[str, Any], new: dict[str, Any], where: str, *, is_request: bool
    ) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - now.keys():
            yield f"{where}.{name} is gone"
        required, needed = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(needed - required if is_request else (required - needed) & now.keys()):
            yield f"{where}.{name} is {'required now' if is_request else 'not always there any more'}"
        for name in before.keys() & now.keys():
            yield from self._of_schemas(before[name], now[name], f"{where}.{name}", is_request=is_request)
        others, more = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(others, dict) and isinstance(more, dict):
            yield from self._of_schemas(others, more, f"{where}.*", is_request=is_request)

    def _parameters(
        self, document: dict[str, Any], operation: dict[str, Any]
    ) -> dict[tuple[str, str], dict[str, Any]]:
        found = (self._resolved(document, one) for one in operation.get("parameters", ()))
        return {(one["in"], one["name"]): one for one in found}

    def _kinds(self, document: dict[str, Any], schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return by JSON type what a schema says of it."""
        found: dict[str, dict[str, Any]] = {}
        for options in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
            for option in options or ():
                found |= self._kinds(document, self._resolved(document, option))
        return found or {str(schema.get("type", "anything")): schema}

    @staticmethod
    def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found: Any = document
            for step in schema["$ref"].split("/")[1:]:
                found = found[step]
            schema = found
        return schema


def text_of(made: dict[str, Any]) -> str:
    """Return a document as it is kept."""
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Write or print the document; return the exit code."""
    made = document()
    if "--print" in arguments:
        print(text_of(made), end="")
        return 0
    if SNAPSHOT.exists() and "--breaking" not in arguments:
        changes = breaking_changes(json.loads(SNAPSHOT.read_text(encoding="utf-8")), made)
        if changes:
            print("this would break clients; --breaking writes it all the same:", *changes, sep="\n  ")
            return 1
    SNAPSHOT.write_text(text_of(made), encoding="utf-8")
    print(f"written: {SNAPSHOT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
