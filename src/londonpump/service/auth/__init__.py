"""Accounts, sign-in and sessions. The state of the service holds `lifespan.Auth`."""
