"""One module per dashboard, each with one function that builds it."""
