"""Builds the compiled primitives when the package is built or installed, if there is a C compiler.

Without one the package is complete all the same: it works in Python, slower, and `shelflife check` says so. The
library knows nothing of Python (it is loaded by ctypes), so there is one wheel for all versions of it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = Path("shelflife/files/native")
_SOURCE = "primitives.c"
_LIBRARY = "primitives.compiled"
_FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-pthread", "-Wall", "-Wextra")


class CustomBuildHook(BuildHookInterface[Any]):
    """Compiles primitives.c beside itself, and puts the library into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build for a wheel, editable or not."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root) / _FOLDER
        if not _compile(folder):
            self.app.display_warning("no C compiler: shelflife is installed without its compiled part")
            return
        if version != "editable":
            library = str(_FOLDER / _LIBRARY)
            build_data["artifacts"].append(library)
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"


def _compile(folder: Path) -> bool:
    """Return whether the library is there: built from today's source, and in place in one step."""
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or "cc"]
    made = folder / f".{_LIBRARY}.{os.getpid()}"
    try:
        subprocess.run([*compiler, *_FLAGS, "-o", str(made), str(folder / _SOURCE)], check=True)
        made.replace(folder / _LIBRARY)
    except (OSError, subprocess.CalledProcessError):
        made.unlink(missing_ok=True)
        return False
    return True
