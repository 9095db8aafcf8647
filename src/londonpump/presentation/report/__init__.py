"""The report and the model card: one self-contained page each, on screen and on paper."""
