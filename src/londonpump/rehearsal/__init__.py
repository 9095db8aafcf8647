"""The parts put together from outside."""
