"""The Dagster code location: deployment code, cloned with the repository and not shipped in the wheel."""
