"""Grading in full: what an episode was worth, judged by its world and by worlds that differ from it in one thing."""
