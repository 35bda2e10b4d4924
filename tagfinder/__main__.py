"""`python -m tagfinder` is the console script `tagfinder`."""

from tagfinder.cli import main

main()
