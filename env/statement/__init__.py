"""What a root-cause statement says: the fields of a JSON object exactly, claims in prose leniently."""
