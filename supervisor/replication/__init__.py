"""What clients change or ask through one worker and mean of all: order, journal, answers."""
