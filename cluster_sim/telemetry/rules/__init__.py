"""Rules: series recorded and alerts raised from PromQL expressions, their evaluation and their rule file."""
