"""The station's own system, as the demo plays it: rows written to the outbox the police connector reads.

Rule kept: nothing of the connector is imported; the table is the one `connectors/README.md` documents.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from hub.demo.crowd import Published

FORMS = {
    "incident.reported": "sesizare",
    "risk.assessed": "evaluare_risc",
    "ppo.issued": "ordin_protectie_provizoriu",
    "referral.made": "sesizare_servicii",
    "child.involved": "copil_implicat",
}


def write_outbox(path: Path, event: Published) -> None:
    """Write one form to a station's outbox, committed to disk before it returns."""
    database = sqlite3.connect(path, timeout=10)
    with database:
        database.execute(
            "INSERT INTO outbox (id, kind, time, subject, record) VALUES (?, ?, ?, ?, ?)",
            (event.id, FORMS[event.type], event.time, event.subject, json.dumps(event.record)),
        )
    database.close()
