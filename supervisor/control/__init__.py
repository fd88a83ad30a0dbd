"""How a running group is asked: operator socket, and HTTP paths of its own port."""
