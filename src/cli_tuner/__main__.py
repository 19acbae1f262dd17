"""`python -m cli_tuner` is the same program as `cli-tuner`."""

from cli_tuner.cli.main import program

if __name__ == "__main__":
    program()
