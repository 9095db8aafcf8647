"""Routes for the road network: where it comes from, and routes on it."""
