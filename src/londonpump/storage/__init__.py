"""What stays: files written whole or not at all."""
