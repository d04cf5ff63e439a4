"""Whether Kafka still is the one that acknowledged what we hold."""
