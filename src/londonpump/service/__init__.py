"""HTTP API of the product. One folder per domain, with the same file names in each."""
