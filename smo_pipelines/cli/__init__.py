"""The ``smo`` command."""
