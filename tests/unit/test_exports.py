from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from importlib.resources import files
from types import ModuleType

import pytest

import shelflife

_PUBLIC = ["shelflife", "shelflife.errors", "shelflife.settings", "shelflife.testing"]


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", _PUBLIC)
def test_what_is_promised_is_there(name: str) -> None:
    module = _module(name)
    assert list(dict.fromkeys(module.__all__)) == module.__all__
    for export in module.__all__:
        assert getattr(module, export) is not None


def _offered(module: ModuleType) -> set[str]:
    """Public names that a package offers to whoever reads or completes it, its modules left out."""
    assert module.__file__ is not None
    with open(module.__file__, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(module.__name__):
            names.update(alias.asname or alias.name for alias in node.names)
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", ["shelflife", "shelflife.settings"])
def test_what_is_exported_is_what_is_promised(name: str) -> None:
    module = _module(name)
    assert _offered(module) == set(module.__all__)


@pytest.mark.parametrize("name", ["shelflife", "shelflife.settings"])
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'"):
        _module(name).nothing  # noqa: B018 - the look is the test


def test_the_types_are_shipped() -> None:
    assert files("shelflife").joinpath("py.typed").is_file()


def test_every_error_is_a_shelflife_error() -> None:
    errors = [
        getattr(shelflife, name) for name in shelflife.__all__ if isinstance(getattr(shelflife, name), type)
    ]
    raised = [error for error in errors if issubclass(error, Exception)]
    assert len(raised) >= 7
    assert all(issubclass(error, shelflife.ShelflifeError) for error in raised)


def _modules() -> list[str]:
    found = pkgutil.walk_packages(shelflife.__path__, "shelflife.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def test_every_module_is_imported_without_opening_or_starting_anything() -> None:
    script = f"""
import importlib, os, sys, threading
before = set(os.listdir("/proc/self/fd"))
for name in {_modules()!r}:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
extra = [os.readlink(f"/proc/self/fd/{{fd}}") for fd in set(os.listdir("/proc/self/fd")) - before]
assert not extra, extra
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
