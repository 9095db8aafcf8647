"""Places by their names: parsing what an operator types, the index of a gazetteer, and the search in it."""
