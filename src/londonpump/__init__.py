"""londonpump: which fire engines can reach an emergency in London, how soon and how sure."""

__version__ = "0.1.0"
