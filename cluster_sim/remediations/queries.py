"""Changes of queries, locks and retries."""
