"""How every publisher is asked: honest, patient, bounded, and never showing a key."""

from londonpump.ingest.http.client import Http
from londonpump.ingest.http.download import Downloaded, Expected
from londonpump.ingest.http.errors import PublisherUnavailable, SourceNotFound
from londonpump.ingest.http.limits import Limits
from londonpump.ingest.http.response import Response

__all__ = ["Downloaded", "Expected", "Http", "Limits", "PublisherUnavailable", "Response", "SourceNotFound"]
