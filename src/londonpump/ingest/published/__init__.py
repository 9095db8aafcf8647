"""The reader of the published csv and xlsx files, of every vintage, into one typed stream a table."""

from londonpump.ingest.published.reader import InputFile, PublishedTable, read_published

__all__ = ["InputFile", "PublishedTable", "read_published"]
