"""What to run, and where that is said: flags, environment, file. Validated records come out."""
