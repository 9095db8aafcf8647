"""The verb that brings the Brigade's published records."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from londonpump.domain.errors import BadValue, SourceFailed
from londonpump.ingest.http import Http
from londonpump.ingest.london_datastore.fetch import Fetched, FetchRequest, fetch_set
from londonpump.ingest.london_datastore.file_store import current_until
from londonpump.lifecycle.progress import Progress, silent
from londonpump.settings import Settings

FIRST_RECORD_DATE = date(2009, 1, 1)
YEARS = 3
"""The original trained on the last three years."""


@dataclass(frozen=True, slots=True)
class FetchedRecords:
    """What was done. home: the folder of records. since: the day that was asked for."""

    home: Path
    since: date
    fetched: Fetched

    def to_text(self) -> str:
        """For the person who ran it."""
        lines = []
        for file in self.fetched.files:
            verb = "fetched" if file in self.fetched.new else "was here"
            size_mb = file.provenance["bytes"] / 1e6
            lines.append(
                f"{verb:>8}  {file.record_type}: {file.provenance['title']} "
                f"({size_mb:,.1f} MB, newest record {file.newest})"
            )
        n_new = len(self.fetched.new)
        lines.append(
            f"{n_new} of {len(self.fetched.files)} files fetched; records from {self.since} on: {self.home}"
        )
        if not self.fetched.has_changed:
            lines.append("The good set is the one that was here.")
        return "\n".join(lines)


def fetch_records(
    settings: Settings,
    since: date | None,
    progress: Progress = silent,
    http: Http | None = None,
    at: datetime | None = None,
) -> FetchedRecords:
    """Bring both datasets from a day on; by default from three years before 1 January of this year.

    Raises: SourceFailed, BadFile: then the records that were here stay as they were; BadValue for the day.
    """
    now = at or datetime.now(UTC)
    first = since or date(now.year - YEARS, 1, 1)
    if not FIRST_RECORD_DATE <= first <= now.date():
        raise BadValue(
            "--since", str(first), f"give a day from {FIRST_RECORD_DATE}, the first record, to today"
        )
    request = FetchRequest(settings.datastore_url, settings.records, first, now)
    with nullcontext(http) if http is not None else Http() as client:
        return FetchedRecords(settings.records, first, _fetch(client, request, progress))


def _fetch(http: Http, request: FetchRequest, progress: Progress) -> Fetched:
    """As `fetch_set`; a failure also says that the records that are here stay good."""
    try:
        return fetch_set(http, request, progress)
    except SourceFailed as failed:
        until = current_until(request.home)
        if until is None:
            raise
        extended_advice = (
            f"{failed.advice.rstrip('.')}. The records that are here, until {until}, stay in use."
        )
        raise SourceFailed(failed.publisher, failed.problem, extended_advice) from None
