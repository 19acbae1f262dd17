"""Where completions come from: a small Protocol and the engines that speak it."""
