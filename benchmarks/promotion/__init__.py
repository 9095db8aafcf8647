"""Error rates of the promotion rule, simulated from real pairs of models, and its verdicts on real records."""
