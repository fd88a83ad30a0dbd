"""The run directory by which an instance is found, and which keeps a second one out."""
