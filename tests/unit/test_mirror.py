"""Unit tests mirror the modules: what `shelflife/run/lock.py` does is tested in `tests/unit/run/test_lock.py`.

Modules that have no such file are listed here with the reason, or with the file that tests them instead; so
whoever adds a module adds its tests, or says why not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

NOTHING_TO_RUN = """
    __main__ scopes
    explain/answer
    policy/rules/native policy/verdict
     records/acts records/alerts records/event_log records/holds records/index records/journal records/pressure
    records/replies records/tallies records/trash records/usage
"""
"""Values, words and protocols: what they mean is tested where they are used."""

ELSEWHERE = {
    # a part as a whole, since its modules make sense only together
    "tests/integration/engine/test_cleanup.py": """
        engine questions
        remove/bulk remove/careful remove/compiled remove/opened
        run/planning run/preview run/retention run/run
        scan/measure scan/planner
    """,
    "tests/integration/engine/test_units.py": """
        remove/directories remove/dismantling remove/share remove/unit scan/due_units
    """,
    "tests/integration/engine/test_quotas.py": "scan/newest",
    "tests/integration/engine/test_foresight.py": "explain/foresee run/sampling",
    "tests/integration/engine/test_trash_in_stats.py": "run/look run/trash_count",
    "tests/integration/engine/test_processes.py": "schedule/running",
    "tests/integration/pressure/test_relief.py": """
        run/making_room run/pressure_monitor run/reclaim run/relief run/relief_task
    """,
    "tests/integration/receive/test_receive.py": """
        writing receive/admitting receive/asynchronous receive/incoming receive/prospects
        receive/destination receive/reserve records/promises
        run/leftovers
    """,
    "tests/integration/receive/test_resumable.py": "receive/resumable",
    "tests/integration/cli/test_receive.py": "cli/receive shapes/received",
    "tests/integration/web/test_writing.py": "shapes/lease web/routes/leases web/routes/reservations",
    "tests/integration/safety/test_leases.py": "run/leases",
    "tests/integration/safety/test_limits.py": "scan/arrivals",
    "tests/integration/safety/test_preconditions.py": "storage/preconditions",
    "tests/integration/safety/test_trash.py": """
        files/aside remove/purge run/empty run/restore run/trashed scan/trash
    """,
    "tests/faults/test_killed_runs.py": "run/recovery",
    "tests/integration/schedule/test_scheduler.py": "schedule/scheduler",
    # one contract suite for all that fulfil it
    "tests/unit/records/contract/test_journal.py": """
        records/history
        records/sqlite/acts records/sqlite/alerts records/sqlite/approvals records/sqlite/holds
        records/sqlite/identity
        records/sqlite/journal_file records/sqlite/migrations records/sqlite/pressure records/sqlite/removals
        records/sqlite/runs records/sqlite/slots records/sqlite/tallies records/sqlite/trash records/sqlite/usage
    """,
    "tests/unit/files/test_restoring.py": """
        files/coming files/native/restoring remove/restoring run/restored run/selection
    """,
    "tests/integration/pressure/test_empty.py": "scan/empty",
    "tests/unit/scan/test_refresh.py": "scan/freshness",
    "tests/unit/storage/test_areas.py": "storage/root",
    "tests/unit/records/contract/test_records.py": "records/records records/sqlite/records",
    "tests/unit/records/sqlite/test_index.py": "records/sqlite/index_file records/sqlite/index_reader",
    "tests/unit/files/test_primitives.py": """
        files/bulk files/counting files/native/packed files/pure files/reading
    """,
    # sections of one model, which is checked as a whole
    "tests/unit/settings/test_model.py": "settings/alerts settings/area settings/http settings/pressure",
    "tests/unit/settings/test_loader.py": "settings/fileformat",
    # what people see, in one piece
    "tests/unit/explain/test_check.py": "explain/check_areas explain/findings files/trial",
    "tests/unit/explain/test_why.py": "explain/past explain/present",
    "tests/integration/cli/test_check_shared.py": "explain/check_shared files/shared_trial",
    "tests/integration/cli/test_status.py": "cli/status explain/status",
    "tests/integration/cli/test_unexpected.py": "explain/arrived explain/unexpected",
    "tests/integration/cli/test_tokens.py": "cli/token",
    "tests/integration/cli/test_usage.py": "cli/app",
    "tests/integration/cli/test_process.py": "cli/serve",
    "tests/integration/cli/test_verbs.py": """
        cli/alerts cli/check cli/cleanup cli/forecast cli/history cli/hold cli/init cli/plan cli/pressure
        cli/stats cli/trash cli/units cli/whatif cli/why
    """,
    # JSON shapes: each is compared with its schema and with what every edge answers
    "tests/integration/test_shapes.py": """
        shapes/act shapes/alert shapes/check shapes/cleanup shapes/cutoff shapes/disk shapes/hold shapes/metrics
        shapes/outlook shapes/settings shapes/status shapes/token shapes/trash shapes/why
    """,
    # routes, through a client
    "tests/integration/web/test_routes.py": """
        web/cleanups web/models web/service
        web/routes/cleanup web/routes/parts web/routes/paths web/routes/runs web/routes/statistics
    """,
    "tests/integration/web/test_pages.py": "run/pages web/routes/plans",
    "tests/integration/web/test_acts.py": "web/routes/acts",
    "tests/integration/web/test_preconditions.py": "web/routes/holds web/tags",
    "tests/integration/web/test_manners.py": "web/docs web/prefix",
    "tests/acceptance/test_openapi.py": "web/examples",
    "tests/integration/web/test_access.py": "web/once web/routes/access web/routes/trash",
    "tests/integration/web/test_app.py": "web/app web/serving",
    "tests/integration/web/test_metrics.py": """
        web/metrics/counts web/metrics/row web/metrics/sources web/metrics/table
    """,
    "tests/integration/web/test_operations.py": "web/operations",
    "tests/integration/web/test_guard.py": "web/guard",
    "tests/acceptance/test_http.py": "web/routes/events",
}
"""By the file that tests them."""

OF_SEVERAL = {
    "policy/test_doubt_in_figures",
    "policy/test_newest",
    "policy/test_quota",
    "policy/test_year",
    "records/contract/test_journal",
    "records/contract/test_records",
    "records/contract/test_index",
    "records/sqlite/test_pages",
    "test_structure",
    "test_contributing",
    "test_config",  # of the service in api/, like the next
    "test_scheduler",
    "test_docs",
    "test_exports",
    "test_mirror",
}
"""Tests of several modules, or of none."""

_EXCEPTIONS = {module for listed in (NOTHING_TO_RUN, *ELSEWHERE.values()) for module in listed.split()}


def _modules() -> list[str]:
    package = _ROOT / "shelflife"
    found = (path.relative_to(package).with_suffix("") for path in package.rglob("*.py"))
    return sorted(str(module) for module in found if module.name != "__init__")


def _test_of(module: str) -> Path:
    folder, _, name = module.rpartition("/")
    return _ROOT / "tests/unit" / folder / f"test_{name}.py"


@pytest.mark.parametrize("module", _modules())
def test_each_module_has_its_unit_tests_or_a_reason_to_have_none(module: str) -> None:
    assert _test_of(module).exists() is (module not in _EXCEPTIONS)


def test_what_is_said_to_be_tested_elsewhere_is_there_and_named_once() -> None:
    listed = [module for names in (NOTHING_TO_RUN, *ELSEWHERE.values()) for module in names.split()]
    assert sorted(listed) == sorted(_EXCEPTIONS)
    assert set(listed) <= set(_modules())
    assert [file for file in ELSEWHERE if not (_ROOT / file).exists()] == []


def test_each_unit_test_mirrors_a_module() -> None:
    folder = _ROOT / "tests/unit"
    found = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("test_*.py")}
    mirrors = {str(_test_of(module).relative_to(folder).with_suffix("")) for module in _modules()}
    assert found - mirrors == OF_SEVERAL
