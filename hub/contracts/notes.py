"""What each code of a log line means that is no alarm and no code of an event, and what to do about it. Pure.

Rule kept: no code without its row, no row without its code (a test collects the codes from the source). A row holds no
value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.contracts.refusals import Meaning, Turn, Words

NOTES: Final[Mapping[str, Meaning]] = {
    "decided": Meaning(
        Turn.NOBODY,
        Words("so many events were decided, whoever was released something", "there is nothing to do"),
        Words("atâtea evenimente au fost hotărâte, oricui i s-a divulgat ceva", "nu este nimic de făcut"),
    ),
    "releases": Meaning(
        Turn.NOBODY,
        Words("so many releases went out to units", "there is nothing to do"),
        Words("atâtea divulgări au plecat spre unități", "nu este nimic de făcut"),
    ),
    "hollow": Meaning(
        Turn.HUB,
        Words(
            "hollow alerts went to the duty desks: an alert cannot be read, contradicts another, or nobody got it",
            "when a desk calls, `punte quarantine list --callback` says what it stands for; ask the sender at once",
        ),
        Words(
            "alerte goale au plecat la dispecerate: o alertă nu poate fi citită, contrazice alta sau nu ajunge",
            "când sună un dispecerat, `punte quarantine list --callback` spune ce este; întrebați expeditorul",
        ),
    ),
    "resumed": Meaning(
        Turn.NOBODY,
        Words(
            "releases of a subscription that were parked have been decided again; they wait no more",
            "there is nothing to do",
        ),
        Words(
            "divulgările în așteptare ale unui abonament au fost hotărâte din nou; nu mai așteaptă",
            "nu este nimic de făcut",
        ),
    ),
    "partition_opened": Meaning(
        Turn.NOBODY,
        Words(
            "a gateway has taken a partition: `ms` of each step (fence, offset read, ids of events read), so many ids",
            "there is nothing to do; where `rebuilt` takes seconds, a restart costs them each time",
        ),
        Words(
            "o poartă a preluat o partiție: `ms` pentru fiecare pas (gardul, poziția, identificatorii citiți)",
            "nu este nimic de făcut; dacă `rebuilt` durează secunde, fiecare repornire le costă",
        ),
    ),
    "otlp_unreachable": Meaning(
        Turn.HUB,
        Words(
            "the collector did not take spans in time, or refused them: they are lost; events go on as ever",
            "compare OTEL_EXPORTER_OTLP_ENDPOINT, ..._HEADERS and ..._CERTIFICATE with the collector; see its log",
        ),
        Words(
            "colectorul nu a preluat la timp urme sau le-a refuzat: sunt pierdute; evenimentele merg ca înainte",
            "comparați OTEL_EXPORTER_OTLP_ENDPOINT, ..._HEADERS și ..._CERTIFICATE cu colectorul; vedeți jurnalul lui",
        ),
    ),
    "otlp_reachable": Meaning(
        Turn.NOBODY,
        Words(
            "the collector takes spans again; those of the time between are lost, `lost` says how many",
            "there is nothing to do",
        ),
        Words(
            "colectorul preia din nou urme; cele dintre timp sunt pierdute, `lost` spune câte", "nu este nimic de făcut"
        ),
    ),
    "otlp_late": Meaning(
        Turn.HUB,
        Words(
            "the part ended before the collector took the last spans and figures: they are lost, no event is",
            "see whether the collector answers and is quick enough; the part itself ended well",
        ),
        Words(
            "partea s-a încheiat înainte ca ultimele urme și cifre să fie preluate: ele sunt pierdute, evenimentele nu",
            "vedeți dacă răspunde colectorul și dacă este destul de rapid; partea s-a încheiat cu bine",
        ),
    ),
    "otel_disabled": Meaning(
        Turn.HUB,
        Words(
            "OTEL_SDK_DISABLED is set: this part makes no spans and no figures, `/metrics` is not found",
            "unset it for the parts of the hub; until then only log lines tell of alarms",
        ),
        Words(
            "OTEL_SDK_DISABLED este pus: partea nu face urme și nici cifre, `/metrics` nu se găsește",
            "scoateți-l la părțile hubului; până atunci numai rândurile din jurnal spun de alarme",
        ),
    ),
    "spans_dropped": Meaning(
        Turn.HUB,
        Words(
            "of this part's spans `lost` were not written or sent, `count` were cut by the allow-list; no event was",
            "`lost`: look after the collector, or the folder and its 64 MiB; `count`: report it, that is Punte's fault",
        ),
        Words(
            "din urmele acestei părți `lost` nu au fost scrise ori trimise, `count` au fost tăiate de lista permisă",
            "`lost`: verificați colectorul, sau dosarul și cei 64 MiB; `count`: raportați, este greșeala Punte",
        ),
    ),
}
"""Every code of a line of telemetry that `refusals` and `alarms` do not explain."""
