"""Ways by road between the fire stations and every 100 m cell of London: made once from a map file, then looked up."""
