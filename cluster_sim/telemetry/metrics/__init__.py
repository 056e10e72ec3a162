"""Metric families of the real programs, filled with what the cluster counts."""
