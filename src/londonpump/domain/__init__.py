"""The words of the subject: stations, kinds of call, targets, the grid, the clock, errors."""
