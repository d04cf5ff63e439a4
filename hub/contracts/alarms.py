"""What each alarm of a running hub means, and what to do about it. Pure.

Rule kept: an alarm is a log line of level error with a code; no code without its row, no row without its code (a test
collects the codes from the source). A row holds no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.contracts.refusals import Meaning, Turn, Words

ALARMS: Final[Mapping[str, Meaning]] = {
    "fence_not_reached": Meaning(
        Turn.HUB,
        Words(
            "a part has waited too long to read the register up to its end; until then it decides nothing",
            "see `punte doctor`; events wait and none is lost; if it goes on while Kafka answers, start the part anew",
        ),
        Words(
            "o parte așteaptă de prea mult timp să citească registrul până la capăt; până atunci nu hotărăște nimic",
            "vedeți `punte doctor`; evenimentele așteaptă, niciunul nu se pierde; dacă ține, reporniți partea",
        ),
    ),
    "register_unreachable": Meaning(
        Turn.HUB,
        Words(
            "Kafka does not say how far the register is; until then nothing is decided",
            "look after the broker with `punte doctor`; the part asks again by itself and goes on where it stopped",
        ),
        Words(
            "Kafka nu spune până unde a ajuns registrul; până atunci nu se hotărăște nimic",
            "verificați brokerul cu `punte doctor`; partea întreabă din nou singură și continuă de unde a rămas",
        ),
    ),
    "register_unreadable": Meaning(
        Turn.REGISTER,
        Words(
            "a record of the register cannot be read, so no part that folds it works on",
            "write a readable record under the same key: `punte register list` names the offset; then start the hub",
        ),
        Words(
            "o înregistrare din registru nu poate fi citită, deci nicio parte care o folosește nu mai lucrează",
            "scrieți sub aceeași cheie una care se citește: `punte register list` dă poziția; apoi porniți hubul",
        ),
    ),
    "part_refused": Meaning(
        Turn.HUB,
        Words(
            "a part of the hub refused to start again, while the others run on with what they have proven",
            "the lines before it say why; mend the policy, the keys or the register: it is tried again by itself",
        ),
        Words(
            "o parte a hubului a refuzat să repornească, iar celelalte lucrează mai departe cu ce au dovedit",
            "rândurile dinainte spun de ce; corectați politica, cheile sau registrul: se încearcă din nou singur",
        ),
    ),
    "quarantined": Meaning(
        Turn.HUB,
        Words(
            "something waits for a person: an alert that was refused, or an event that could not be decided or served",
            "see `punte quarantine list --open`, then `punte quarantine show LANE/NUMBER`: it says what can be done",
        ),
        Words(
            "ceva așteaptă un om: o alertă refuzată sau un eveniment care nu a putut fi hotărât ori divulgat",
            "vedeți `punte quarantine list --open`, apoi `punte quarantine show BANDĂ/NUMĂR`: spune ce se poate face",
        ),
    ),
    "parked": Meaning(
        Turn.HUB,
        Words(
            "releases of a subscription wait, because its topic is missing, without rights or takes less; others go on",
            "`punte doctor` names the cause; make the topic writable, they go out by themselves; tell what cannot wait",
        ),
        Words(
            "divulgările unui abonament așteaptă: topicul lipsește, nu se poate scrie sau primește mai puțin",
            "`punte doctor` spune cauza; reparați topicul și pleacă singure; anunțați altfel ce nu poate aștepta",
        ),
    ),
    "receipt_refused": Meaning(
        Turn.HUB,
        Words(
            "a topic of receipts cannot be written; its unit's events are decided and go out, it hears nothing of them",
            "compare `punte topic plan` with the broker, make the topic writable; the unit's outbox asks again itself",
        ),
        Words(
            "un topic de confirmări nu poate fi scris; evenimentele unității se hotărăsc și pleacă, ea nu află nimic",
            "comparați `punte topic plan` cu brokerul și reparați topicul; unitatea întreabă din nou singură",
        ),
    ),
    "desks_missing": Meaning(
        Turn.REGISTER,
        Words(
            "no unit of the alert lane receives hollow alerts: nobody is told of an alert that cannot be passed on",
            "add `hollow.alert:P1` to the agreements of the duty desks and load the federation again",
        ),
        Words(
            "nicio unitate de pe banda de alertă nu primește alerte goale: nimeni nu află de o alertă netransmisă",
            "adăugați `hollow.alert:P1` în acordurile dispeceratelor și încărcați din nou federația",
        ),
    ),
}
"""Every code of an alarm."""
