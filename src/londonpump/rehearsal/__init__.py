"""Runs of the whole product from outside: the demo and the rehearsal of a year."""
