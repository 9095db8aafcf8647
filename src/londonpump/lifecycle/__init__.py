"""The verbs: prepare, train, evaluate, predict. A step reads finished tables and writes one."""
