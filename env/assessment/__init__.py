"""Full grading of an incident: each module grades one part of it."""
