"""What is sent to the experiment tracker, and the only place that knows MLflow."""
