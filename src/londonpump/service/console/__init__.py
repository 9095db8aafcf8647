"""The console: pages for the control room below `/console/`, over the same functions as the API."""
