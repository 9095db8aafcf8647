"""Which published records `prepare` works on: the files that were named, else those that were fetched last."""

from dataclasses import dataclass
from pathlib import Path

from londonpump.domain.errors import BadFile


@dataclass(frozen=True, slots=True)
class ChosenRecords:
    """Files by table; no mobilisations is an answer, no incidents is none."""

    incidents: tuple[Path, ...]
    mobilisations: tuple[Path, ...]


def select_records(
    fetched: Path, incidents: tuple[Path, ...], mobilisations: tuple[Path, ...]
) -> ChosenRecords:
    """fetched: the folder of `fetch records`. Raises: BadFile if nothing was named and nothing fetched."""
    if incidents:
        return ChosenRecords(incidents, mobilisations)
    if mobilisations:
        raise BadFile(mobilisations[0], "stands without incident records", "Give them too: --incidents FILE.")
    # Here: who names files need not wait for what asks publishers.
    from londonpump.ingest.london_datastore import fetched_files  # noqa: PLC0415

    found = fetched_files(fetched)
    if found is None:
        raise BadFile(
            fetched, "holds no fetched records", "Give --incidents FILE, or run londonpump fetch records."
        )
    return ChosenRecords(found["incidents"], found.get("mobilisations", ()))
