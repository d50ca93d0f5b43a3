"""Write docs/json.md: every JSON shape with its keys, from the types that the program makes them of.

python scripts/json_reference.py          # writes the page
python scripts/json_reference.py --print  # prints it
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Final, get_args, get_type_hints

from shelflife import shapes

PAGE: Final = Path(__file__).parents[1] / "docs" / "json.md"

_HEAD: Final = """\
# JSON

What the command line prints with `--json` and what HTTP sends are the same values. This page is written from
their types by `scripts/json_reference.py`; a test holds it up to date.

Times are ISO 8601 in UTC with offset, sizes are bytes. A key marked *maybe* is not always there; all others are
present, with null where there is no value.
"""

_WORDS: Final = {"str": "text", "int": "number", "float": "number", "bool": "true or false", "None": "null"}


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for info in iter_modules(shapes.__path__):
        module = import_module(f"shelflife.shapes.{info.name}")
        found = list(_shapes_in(module))
        if found:
            about = (module.__doc__ or "").partition("\n")[0].rstrip(".")
            parts += [f"## {info.name}\n\n{about}.\n", *found]
    return "\n".join(parts)


def _shapes_in(module: ModuleType) -> Iterator[str]:
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        kind = getattr(module, node.name, None) if isinstance(node, ast.ClassDef) else None
        if isinstance(node, ast.ClassDef) and hasattr(kind, "__pydantic_config__"):
            yield _table(node, get_type_hints(kind, include_extras=True))


def _table(node: ast.ClassDef, hints: dict[str, object]) -> str:
    inherited = [ast.unparse(base) for base in node.bases if ast.unparse(base) != "TypedDict"]
    more = f" Besides the keys of {', '.join(f'`{name}`' for name in inherited)}:" if inherited else ""
    rows = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in _rows(node, hints)]
    table = ["| key | is | |", "|---|---|---|", *rows, ""] if rows else []
    if any(keyword.arg == "total" for keyword in node.keywords):
        more += " Any of its keys may be absent."
    return "\n".join([f"### {node.name}", "", f"{ast.get_docstring(node)}{more}", "", *table])


def _rows(node: ast.ClassDef, hints: dict[str, object]) -> Iterator[tuple[str, str, str]]:
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            meaning = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                meaning = " ".join(str(after.value.value).split()).replace("|", "\\|")
            words = list(_enumerated(hints[field.target.id]))
            if words:
                meaning = f"{meaning} One of {', '.join(f'`{word}`' for word in words)}.".strip()
            yield field.target.id, _kind(field.annotation), meaning


def _enumerated(hint: object) -> Iterator[str]:
    for part in get_args(hint):
        yield from getattr(part, "enum", [])
        yield from _enumerated(part)


def _kind(annotation: ast.expr) -> str:
    match annotation:
        case ast.BinOp(left=left, right=right):
            return f"{_kind(left)} or {_kind(right)}"
        case ast.Subscript(value=ast.Name(id="NotRequired"), slice=inner):
            return f"{_kind(inner)}, *maybe*"
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[inner, *_])):
            return _kind(inner)
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return f"list of {_kind(inner)}"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, inner])):
            return f"object of {_kind(inner)} by name"
        case ast.Constant(value=None):
            return "null"
        case ast.Name(id=("Count" | "Percent") as name):
            return {"Count": "count", "Percent": "percent"}[name]
        case ast.Name(id="Time"):
            return "time"
        case ast.Name(id=name):
            return _WORDS.get(name, f"`{name}`")
    return f"`{ast.unparse(annotation)}`"


if __name__ == "__main__":
    if "--print" in sys.argv:
        print(page(), end="")
    else:
        PAGE.write_text(page(), encoding="utf-8")
