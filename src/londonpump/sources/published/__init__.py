"""The reader of the published csv and xlsx files, of every vintage, into one typed stream a table."""

from londonpump.sources.published.read import InputFile, PublishedTable, read_published

__all__ = ["InputFile", "PublishedTable", "read_published"]
