"""Whether a challenger takes the champion's place: a pure rule, its settings, and its verdict with the evidence."""
