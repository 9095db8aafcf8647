"""The promotion of a challenger: a pure rule, its settings, and its verdict with the evidence."""
