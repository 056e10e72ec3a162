"""Changes of exporters and of the access to stores."""
