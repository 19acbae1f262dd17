"""The command line: thin. Each module is one command; `main` knows them all."""
