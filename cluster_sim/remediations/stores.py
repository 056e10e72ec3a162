"""Changes of the cache and its clients."""
