"""Whether the service lives, is ready, and how old what it knows is."""
