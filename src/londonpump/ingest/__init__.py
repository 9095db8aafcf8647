"""Readers of published files and clients of the public sources."""
