"""What people read, built from values: the report of an evaluation, the model card, the report of a month."""
