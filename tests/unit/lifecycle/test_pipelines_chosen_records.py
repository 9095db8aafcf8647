"""Records that `prepare` reads."""

from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.prepare import select_records

INCIDENTS, MOBILISATIONS = (Path("incidents.csv"),), (Path("mobilisations.csv"),)


def test_files_that_are_named_win_over_fetched_ones(tmp_path: Path) -> None:
    chosen = select_records(tmp_path, INCIDENTS, ())
    assert (chosen.incidents, chosen.mobilisations) == (INCIDENTS, ())


def test_mobilisations_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="needs incident records too"):
        select_records(tmp_path, (), MOBILISATIONS)


def test_nothing_named_and_nothing_fetched_is_told_with_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"Give --incidents FILE, or run londonpump fetch records"):
        select_records(tmp_path, (), ())
