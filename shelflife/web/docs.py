"""The page at `/docs`: the OpenAPI document to read, made here.

It is plain HTML without a script, so it needs no other host, and reads in any browser and below any prefix.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["HEADERS", "page_of"]

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
h2 { margin-top: 2rem; border-bottom: 1px solid #8886 }
details { border: 1px solid #8886; border-radius: .4rem; margin: .4rem 0; padding: .3rem .7rem }
summary { cursor: pointer }
summary code { font-weight: 600 }
.get { color: #1669b8 } .post { color: #197a3f } .delete { color: #b3261e }
@media (prefers-color-scheme: dark) {
  .get { color: #7ab8f5 } .post { color: #6fd08f } .delete { color: #ff8a80 }
}
.old { text-decoration: line-through }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-top: 1px solid #8883 }
pre { overflow: auto; background: #8882; padding: .5rem; border-radius: .3rem; max-height: 25rem }
"""

_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}
"""What the page is sent with: nothing but its own style is loaded."""


def page_of(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
            '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>',
            *_operations(document),
            "<h2>Shapes</h2>",
            *_shapes(document.get("components", {}).get("schemas", {})),
            "</body></html>",
        ]
    )


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    tags: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            shown = "".join(_operation(document, path, method, operation))
            tags.setdefault(operation.get("tags", [""])[0], []).append(shown)
    for tag, operations in tags.items():
        yield f"<h2>{escape(tag or 'others')}</h2>"
        yield from operations


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: dict[str, Any]
) -> Iterator[str]:
    old = " old" if operation.get("deprecated") else ""
    name = escape(operation["operationId"])
    yield f'<details id="{name}"><summary><code class="{method}{old}">{method.upper()} {escape(path)}</code> '
    yield f"{escape(operation.get('summary', ''))}</summary>"
    for paragraph in operation.get("description", "").split("\n\n"):
        yield f"<p>{escape(paragraph)}</p>"
    parameters = [_resolved(document, one) for one in operation.get("parameters", ())]
    if parameters:
        yield "<h4>Takes</h4><table>"
        for one in parameters:
            need = "" if not one.get("required") else ", required"
            kind = escape(f"{one['in']}{need}: {_kind(one.get('schema', {}))}")
            yield f"<tr><td><code>{escape(one['name'])}</code></td><td>{kind}</td>"
            yield f"<td>{escape(one.get('description', ''))}</td></tr>"
        yield "</table>"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Body</h4><p>{escape(kind)}: {_kind(content.get('schema', {}), linked=True)}</p>"
    yield "<h4>Answers</h4>"
    for status, answer in operation["responses"].items():
        yield from _answer(status, answer)
    yield "</details>"


def _answer(status: str, answer: Mapping[str, Any]) -> Iterator[str]:
    yield f"<p><b>{status}</b> {escape(answer.get('description', ''))}"
    for kind, content in answer.get("content", {}).items():
        yield f" – {escape(kind)} {_kind(content.get('schema', {}), linked=True)}</p>"
        example = content.get("example")
        if example is not None and status.startswith("2"):
            text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
            yield f"<pre>{escape(text)}</pre>"


def _shapes(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<details id="shape-{escape(name)}"><summary><code>{escape(name)}</code> '
        yield f"{escape(schema.get('description', '').partition(chr(10))[0])}</summary><table>"
        required = schema.get("required", ())
        for key, of in schema.get("properties", {}).items():
            maybe = "" if key in required else ", maybe"
            yield f"<tr><td><code>{escape(key)}</code></td><td>{_kind(of, linked=True)}{maybe}</td>"
            yield f"<td>{escape(of.get('description', ''))}</td></tr>"
        yield "</table></details>"


def _resolved(document: Mapping[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    _, *steps = one["$ref"].split("/")
    found: Any = document
    for step in steps:
        found = found[step]
    return dict(found)


def _kind(schema: Mapping[str, Any], *, linked: bool = False) -> str:
    """Return what a schema takes, in a word or a few; as HTML with links, if `linked`."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>' if linked else name
    for options in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
        if options:
            return " or ".join(_kind(option, linked=linked) for option in options)
    if "enum" in schema:
        return escape(", ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), linked=linked)}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"by name: {_kind(schema['additionalProperties'], linked=linked)}"
    return escape(str(schema.get("format") or schema.get("type", "anything")))
