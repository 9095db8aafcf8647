"""Texts of commands, each made from a typed view that is also the JSON of the command."""
