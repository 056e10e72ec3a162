"""Changes of capacity and of the traffic let in."""
