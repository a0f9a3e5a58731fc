"""One self-contained page an experiment."""
