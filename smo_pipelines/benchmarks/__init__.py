"""Safety benchmarks, their metrics as evaluate modules, and the leakage guard."""
