"""Changes of keys, clocks and limits on logins."""
