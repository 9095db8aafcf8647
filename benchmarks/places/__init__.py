"""Measure the search for places: hit rates and CPU time over typed inputs, at the size of London's gazetteers."""
