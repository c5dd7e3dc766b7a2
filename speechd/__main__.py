"""`python -m speechd` is `speechd`."""

from speechd.cli.main import main

main()
