"""The question that a cleanup asks where a person sits at the terminal: shown what would go, shall it?

A pipe, `--json` and `--yes` are not asked. Then the limits alone decide whether a person must approve first.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shelflife.cli import output, plan
from shelflife.cli.terminal import CARE, Styled
from shelflife.formats import counted, human_size

if TYPE_CHECKING:
    from shelflife.policy.plan import Plan


def somebody_is_there() -> bool:
    """Return whether a person sees what is printed, and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_agreed(made: Plan, reasons: list[str]) -> bool:
    """Show a plan, ask whether it shall be carried out, and return the answer; anything but yes is no."""
    plan.show(made, reasons, as_json=False, command=False)
    links = sum(area.links for area in made.areas)
    what = [counted(made.files, "file", "files")] if made.files or not links else []
    what += [counted(links, "symbolic link", "symbolic links")] if links else []
    how = " all the same" if reasons else ""
    question = f"remove {' and '.join(what)}, {human_size(made.bytes)}{how}? [y/N] "
    output.prompt(Styled(question, CARE))
    try:
        answer = input()
    except EOFError:
        output.print_line("")
        return False
    return answer.strip().lower() in ("y", "yes")
