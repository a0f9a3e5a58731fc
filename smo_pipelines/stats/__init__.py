"""Estimators and tests over arrays; numpy and scipy, no I/O, no global random state."""
