"""The Brigade's published records on the London Datastore: listing, selection, download, checks and storage."""

from londonpump.ingest.london_datastore.fetch import Fetched, fetch_set
from londonpump.ingest.london_datastore.file_store import fetched_files

__all__ = ["Fetched", "fetch_set", "fetched_files"]
