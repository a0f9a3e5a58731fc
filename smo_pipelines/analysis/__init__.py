"""From runs to effects to a decision: pure functions of frozen values."""
