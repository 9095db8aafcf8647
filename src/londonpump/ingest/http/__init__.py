"""The HTTP client for all publishers, with retries, limits and redacted keys."""

from londonpump.ingest.http.client import Http, Response
from londonpump.ingest.http.download import Downloaded, Expected
from londonpump.ingest.http.errors import PublisherUnavailable, SourceNotFound
from londonpump.ingest.http.limits import Limits

__all__ = ["Downloaded", "Expected", "Http", "Limits", "PublisherUnavailable", "Response", "SourceNotFound"]
