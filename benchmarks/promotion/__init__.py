"""How often the promotion rule errs, by simulation from real pairs of models, and what it says on real records."""
