"""One night of a plan, its baseline, the fold of what nights say, and what is known of an alarm."""
