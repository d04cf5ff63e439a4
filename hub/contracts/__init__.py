"""What all parts share: envelope, catalogue, wire, keys, topics, registers, records of proof."""
