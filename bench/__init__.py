"""How long it takes, side by side with scripts written by hand. `make bench` runs it."""
