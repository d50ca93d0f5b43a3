"""What each route needs is in the documentation as it is in the program."""

from __future__ import annotations

import re
from pathlib import Path

from shelflife.web.scopes import SCOPES

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")


def test_the_table_in_the_docs_says_what_each_route_needs() -> None:
    rows = re.findall(r"^\| `(\w+) /storage(/\S*)` \|.*\| (\S+) \|$", PAGE, flags=re.MULTILINE)
    shown = {(method, path): needs.strip("`") for method, path, needs in rows}
    assert shown == {key: "–" if scope is None else scope.value for key, scope in SCOPES.items()}
