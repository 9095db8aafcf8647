"""A Brigade we can run: raw files in the published format, with the faults of published files."""
