"""The original's routes, status code by status code, answered by the model on duty."""
