"""The board: states of the pumps, mobilisations, and outcomes of announced times."""
