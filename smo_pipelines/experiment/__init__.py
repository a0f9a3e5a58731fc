"""One experiment from its registration to its decision."""
