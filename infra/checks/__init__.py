"""Rules over template.yaml as SAM expands it. Each takes the expanded template and reports; none changes it."""
