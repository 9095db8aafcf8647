"""The real records and the map that accuracy is measured on, prepared by the product itself."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.domain.stations import known_stations
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import Examples, load_examples
from londonpump.roads.make import make_table

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
"""The folder next to the repository; the records are not part of it."""
MAP = "roads/london_west_drive_2018.osm.pbf"


@dataclass(frozen=True, slots=True)
class Records:
    """Published files that belong together, and the day that separates training from evaluation."""

    name: str
    label: str
    files: tuple[str, ...]
    until: date


SAMPLE_A, SAMPLE_B = "incidents_real_sample.csv", "incidents_real_sample_b.csv"
LAST_QUARTER = date(2023, 10, 1)
UNION = Records("union", "2023, both samples", (SAMPLE_A, SAMPLE_B), LAST_QUARTER)
ALONE_A = Records("sample_a", "2023, first sample alone", (SAMPLE_A,), LAST_QUARTER)
ALONE_B = Records("sample_b", "2023, second sample alone", (SAMPLE_B,), LAST_QUARTER)
STREAM_2017 = Records(
    "stream_2017", "2017, January to February", ("incidents_2017_jan_feb.csv",), date(2017, 2, 1)
)
BOTH = Records("both", "2017 and 2023", (SAMPLE_A, SAMPLE_B, *STREAM_2017.files), LAST_QUARTER)
"""All shared records; prepared together, each month is found complete or a sample by itself."""
ALL = (UNION, ALONE_A, ALONE_B, STREAM_2017)


def prepared(records: Records, source: Path, work: Path) -> Path:
    """Return the data folder of the records under `work`, prepared if it does not exist yet. Raises: BadFile."""
    missing = [name for name in records.files if not (source / name).exists()]
    if missing:
        raise BadFile(
            source, f"does not hold {', '.join(missing)}", "Name the folder of real records: --data."
        )
    out = work / records.name
    if not (out / "report.json").exists():
        prepare(PrepareRequest(tuple(source / name for name in records.files), out))
    return out


def examples_of(records: Records, source: Path, work: Path) -> Examples:
    """Return the prepared examples. Raises: BadFile."""
    return load_examples(prepared(records, source, work))


def road_tables(source: Path, work: Path) -> Path:
    """Return the folder of the table of the shared map under `work`, imported if it does not exist yet. Raises: BadFile."""
    out = work / "roads"
    if not (out / "current.json").exists():
        make_table(source / MAP, known_stations(), out, {}, is_partial=True)
    return out
