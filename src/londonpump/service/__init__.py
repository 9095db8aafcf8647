"""The service: an API a control room can rely on. One folder a domain, with the same file names in each."""
