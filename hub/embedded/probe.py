"""Readiness by deed: a broker is ready when a topic can be created and a transaction commits.

Rule kept: an open port proves nothing; the probe does what the hub will do, then deletes its own topic. Topic and
transactional id bear the port, so that the probes of nodes of one cluster do not fence each other.
"""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

PROBE = "punte-probe"
PAUSE = 0.02


async def until_ready(host: str, port: int) -> None:
    """Returns once a transaction has committed; the caller sets the time limit and watches the process."""
    await _until_listening(host, port)
    bootstrap = f"{host}:{port}"
    while not await _topic_and_transaction(bootstrap, f"{PROBE}-{port}"):  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(PAUSE)


async def _until_listening(host: str, port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(PAUSE)
        else:
            writer.close()
            return


async def _topic_and_transaction(bootstrap: str, probe: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await admin.create_topics([NewTopic(probe, 1, 1)])
        await _commit(bootstrap, probe)
        await admin.delete_topics([probe])
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


async def _commit(bootstrap: str, probe: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=probe)
    async with producer, producer.transaction():
        await producer.send_and_wait(probe, b"")
