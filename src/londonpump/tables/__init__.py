"""The shapes: one schema a table, each column with its unit, source and the moment it is known."""
