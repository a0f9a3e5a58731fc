"""From exports to ratings, and from ratings to immutable label snapshots."""
