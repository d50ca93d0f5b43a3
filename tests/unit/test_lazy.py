from __future__ import annotations

import sys

import pytest

import shelflife
from shelflife.lazy import loader


def test_a_name_is_loaded_from_its_module_when_it_is_first_asked_for() -> None:
    load = loader("shelflife", {"clock": ("MINUTE",)})
    try:
        assert load("MINUTE") == 60 * 10**9
        assert vars(shelflife)["MINUTE"] == 60 * 10**9  # the next one who asks finds it there
    finally:
        vars(sys.modules["shelflife"]).pop("MINUTE", None)


def test_a_name_that_a_package_does_not_have_is_missing_as_in_any_other() -> None:
    with pytest.raises(AttributeError, match="module 'shelflife' has no attribute 'nothing'"):
        loader("shelflife", {"clock": ("MINUTE",)})("nothing")
