"""Changes of links, providers, time limits and threads."""
