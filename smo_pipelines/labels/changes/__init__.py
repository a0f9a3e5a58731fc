"""What changed between two label snapshots, and why: :func:`smo_pipelines.labels.changes.label_shift.label_shift` gathers it all."""
