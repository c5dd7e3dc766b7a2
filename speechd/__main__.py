"""`python -m speechd` is `speechd`."""

from speechd.cli import main

main()
