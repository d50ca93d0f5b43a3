"""How large the pieces are and what they are called: limits that are easy to keep, and to exceed unawares."""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]

_FUNCTION = 40
"""Lines of a function, its docstring included."""

_MODULE = 400
"""Lines of a module."""

_PARAMETERS = 6

_IMPORTS = 16
"""Modules of our own that 95 of 100 modules import at the most, wherever and for whatever they do."""

_MORE_PARAMETERS = {
    "shelflife/cli/cleanup.py: cleanup": "a verb's parameters are its options",
    "shelflife/cli/history.py: history": "a verb's parameters are its options",
    "shelflife/cli/plan.py: plan": "a verb's parameters are its options",
    "shelflife/cli/trash.py: restore": "a verb's parameters are its options",
    "shelflife/web/routes/holds.py: list_holds": "a route's parameters are its query",
    "shelflife/web/routes/runs.py: list_run_files": "a route's parameters are its query",
    "shelflife/web/routes/__init__.py: router": "adopters name what they want, and may leave out all but one",
}
"""Function → why it has more than that."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _trees() -> dict[str, ast.Module]:
    paths = [path for part in ("shelflife", "api") for path in sorted((_ROOT / part).rglob("*.py"))]
    return {str(path.relative_to(_ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def _functions() -> Iterator[tuple[str, _Function]]:
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, _Function):
                yield f"{path}: {node.name}", node


def test_a_function_fits_on_a_screen() -> None:
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in _functions()}
    assert {name: length for name, length in lengths.items() if length > _FUNCTION} == {}


def test_a_module_is_one_concept() -> None:
    paths = [*_trees(), *(str(path.relative_to(_ROOT)) for path in (_ROOT / "shelflife").rglob("*.c"))]
    lengths = {path: len((_ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {path: length for path, length in lengths.items() if length > _MODULE} == {}


def test_a_function_takes_few_parameters() -> None:
    numbers = {name: _parameters(node) for name, node in _functions()}
    found = {name for name, number in numbers.items() if number > _PARAMETERS}
    assert found == set(_MORE_PARAMETERS)


def _parameters(node: _Function) -> int:
    given = node.args
    names = [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_most_modules_rest_on_few_others() -> None:
    numbers = sorted((len(_imports(tree)), path) for path, tree in _trees().items())
    rank = math.ceil(len(numbers) * 0.95) - 1
    above = [f"{path} {number}" for number, path in numbers if number > _IMPORTS]
    assert numbers[rank][0] <= _IMPORTS, above


@cache
def _modules() -> set[str]:
    names = (Path(path).with_suffix("").parts for path in _trees())
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names}


def _imports(tree: ast.Module) -> set[str]:
    """Return our own modules that are imported, also those that are imported in functions or for types only."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole & _modules() or {node.module}
    return found & _modules()


def test_no_two_classes_have_one_name_but_a_value_and_its_json_shape() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    shapes = "shelflife/shapes/"
    found = {name: [path for path in paths if not path.startswith(shapes)] for name, paths in places.items()}
    assert {name: paths for name, paths in found.items() if len(paths) > 1 or len(places[name]) > 2} == {}
