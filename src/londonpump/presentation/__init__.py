"""Pages for people, made from evaluated values: the evaluation report, the model card and the monthly report."""
