"""The command `fetch records`: download the published records of the Brigade."""

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
    """Result of a download."""

    home: Path  # the folder of records
    since: date  # the first requested day
    fetched: Fetched

    def to_text(self) -> str:
        """Format one line per file and a summary."""
        lines = []
        for file in self.fetched.files:
            verb = "fetched" if file in self.fetched.new else "kept"
            size_mb = file.provenance.size_bytes / 1e6
            lines.append(
                f"{verb:>8}  {file.record_type}: {file.provenance.title} "
                f"({size_mb:,.1f} MB, newest record {file.newest})"
            )
        n_new = len(self.fetched.new)
        lines.append(
            f"{n_new} of {len(self.fetched.files)} files fetched; records from {self.since} on: {self.home}"
        )
        if not self.fetched.has_changed:
            lines.append("The set of records in use is unchanged.")
        return "\n".join(lines)


def fetch_records(
    settings: Settings,
    since: date | None,
    progress: Progress = silent,
    http: Http | None = None,
    at: datetime | None = None,
) -> FetchedRecords:
    """Download both datasets from a day on; by default from three years before 1 January of this year.

    Raises: SourceFailed or BadFile, and the records that are here stay as they are; BadValue for the day.
    """
    now = at or datetime.now(UTC)
    first = since or date(now.year - YEARS, 1, 1)
    if not FIRST_RECORD_DATE <= first <= now.date():
        raise BadValue(
            "--since", str(first), f"is not between {FIRST_RECORD_DATE}, the first record, and today"
        )
    request = FetchRequest(settings.datastore_url, settings.records, first, now)
    with nullcontext(http) if http is not None else Http() as client:
        return FetchedRecords(settings.records, first, _fetch(client, request, progress))


def _fetch(http: Http, request: FetchRequest, progress: Progress) -> Fetched:
    """Call `fetch_set`. A failure also says that the earlier records stay in use."""
    try:
        return fetch_set(http, request, progress)
    except SourceFailed as failed:
        until = current_until(request.home)
        if until is None:
            raise
        extended_advice = f"{failed.advice.rstrip('.')}. The earlier records, until {until}, stay in use."
        raise SourceFailed(failed.publisher, failed.problem, extended_advice) from None
