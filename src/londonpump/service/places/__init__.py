"""Places by their names, for questions and for people who look for one."""
