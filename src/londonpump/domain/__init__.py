"""The Brigade's own data and rules: stations, incident types, targets, the grid, the clock, errors."""
