"""What of quarantine still waits for a person."""
