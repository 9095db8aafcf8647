"""The board: which pumps are available, out, or on standby elsewhere, and what announced times came to."""
