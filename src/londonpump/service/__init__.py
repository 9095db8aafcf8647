"""HTTP API of the product, one folder per part: files of the same name hold the same kind of code."""
