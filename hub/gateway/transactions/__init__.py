"""The transactional producer of one input partition, and the guard that makes aiokafka safe for it."""
