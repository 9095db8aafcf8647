"""Features from clean rows, computed the same way for training and serving."""
