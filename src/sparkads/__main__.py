"""`python -m sparkads` is the `sparkads` command."""

from sparkads.cli import main

main()
