"""What a group looks like from outside: status, metrics, tables."""
