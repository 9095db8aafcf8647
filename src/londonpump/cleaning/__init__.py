"""Cleaning of typed rows: each row is kept, repaired or rejected by a named rule."""
