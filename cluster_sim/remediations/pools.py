"""Changes of what clients do with their connections."""
