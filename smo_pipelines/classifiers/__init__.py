"""Text classifiers: the only place that knows torch and transformers."""
