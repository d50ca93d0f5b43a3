"""The rules: everything that decides whether a file may go, once.

A plan that counts files, `plan --files` that lists them, a cleanup that removes them and `why` that explains them
must never disagree; so all of them ask `Rules.judge` (or `judge_together`), which walks one table.

*Classes.* What decides how long a file is kept is its class: the first entry of the area's list of patterns that
matches its path, or else the area's own. A class has a number – its place in `Rules.classes`; 0 is the area's
own – and by that number a plan has a cutoff for it (`shelflife.policy.cutoff.Cutoffs`). A class is a function of
the path alone, so that it is found once for a whole directory where its names do not matter (`class_of_all_in`).

*The table* (`table.TABLE`) lists, in order, what keeps a file; what none of its rules keeps, goes. Each rule says
what it needs to know – the name, the class, the time, the neighbours in the directory – and whether the compiled
code applies it, too. A new rule is one entry there and its function. Nothing else decides.

*Values for the compiled code.* It is fast because it knows no rules: it compares times. What it needs for one
directory are the few numbers of `NativeRules`, and `Rules.native` gives them where they say all there is to say.
Where it returns None – names matter, neighbours matter, a rule is not among those that the compiled code
applies – that directory goes the careful way, in Python, by `judge`. So a rule that the compiled code does not
know is slow there, and never ignored.
"""

from shelflife.policy.rules.classes import Class
from shelflife.policy.rules.file import KEEP_FILE, File, is_left_open, stays_by_name
from shelflife.policy.rules.judge import LOST_AND_FOUND, Rules
from shelflife.policy.rules.native import NativeRules
from shelflife.policy.rules.patterns import Patterns
from shelflife.policy.rules.table import Case, Rule, RuleNeed
from shelflife.policy.rules.times import Times
from shelflife.policy.rules.unit import Unit, directory_time, judge_unit

__all__ = [
    "KEEP_FILE",
    "LOST_AND_FOUND",
    "Case",
    "Class",
    "File",
    "NativeRules",
    "Patterns",
    "Rule",
    "RuleNeed",
    "Rules",
    "Times",
    "Unit",
    "directory_time",
    "is_left_open",
    "judge_unit",
    "stays_by_name",
]
