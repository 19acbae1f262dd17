"""The suite `domain`: is it the command that was meant, is it Bash at all, what is wrong in it."""
