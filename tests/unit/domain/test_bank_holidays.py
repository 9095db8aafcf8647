"""The file of bank holidays is what the library says."""

import importlib.util
from pathlib import Path

from londonpump.domain.london_clock import FILE

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "write_bank_holidays.py"


def test_the_file_is_the_librarys() -> None:
    spec = importlib.util.spec_from_file_location("write_bank_holidays", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert FILE.read_text(encoding="utf-8") == script.bank_holidays_csv(), (
        "run python scripts/write_bank_holidays.py"
    )
