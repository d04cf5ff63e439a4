"""A real Apache Kafka on one machine from PyPI packages alone: `async with embedded_broker() as broker: ...`.

Rule kept: the rest of the hub sees a bootstrap address and nothing else; the broker is never part of production.
"""

from hub.embedded.broker import Broker, embedded_broker

__all__ = ["Broker", "embedded_broker"]
