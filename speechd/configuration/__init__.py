"""Where settings come from: a TOML file, files of secrets, and what a running process reads again."""
