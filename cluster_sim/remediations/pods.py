"""Changes of how pods are run."""
