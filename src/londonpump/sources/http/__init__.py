"""How every publisher is asked: honest, patient, bounded, and never showing a key."""

from londonpump.sources.http.answer import Answer
from londonpump.sources.http.client import Http
from londonpump.sources.http.download import Downloaded, Expected
from londonpump.sources.http.limits import Limits
from londonpump.sources.http.troubles import NothingThere, PublisherAway

__all__ = ["Answer", "Downloaded", "Expected", "Http", "Limits", "NothingThere", "PublisherAway"]
