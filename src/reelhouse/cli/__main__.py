"""`python -m reelhouse.cli`."""

from reelhouse.cli import main

main()
