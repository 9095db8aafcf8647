"""Typed results of commands, and the texts that they print of them."""
