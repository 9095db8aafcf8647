"""Reader of the published csv and xlsx files of every vintage, into one typed table each for incidents and mobilisations."""

from londonpump.ingest.published.reader import PublishedTable, read_published

__all__ = ["PublishedTable", "read_published"]
