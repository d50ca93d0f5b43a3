"""`python -m shelflife`: the command line."""

from shelflife.cli import main

main()
