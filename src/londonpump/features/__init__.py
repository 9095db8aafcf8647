"""Clean rows to features: the only door, for training and for serving, for a million rows or for one."""
