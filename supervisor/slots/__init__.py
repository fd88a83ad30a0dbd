"""One worker slot: its states, its processes, and what follows their end."""
