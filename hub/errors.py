"""Every error the project shows: one table from code to exit status, whose fault it is, title and remedy.

Rule kept: an error says whose fault it is, what happened and what to do next, and never holds a value of a record.
The exit statuses are the ones of the command line reference: 0 done, 1 failed, 2 usage, 3 findings,
4 not authenticated, 5 withheld, 6 undecided, 130 interrupted.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """What a command's exit status means; the only statuses any command may end with."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 3
    NOT_AUTHENTICATED = 4
    WITHHELD = 5
    UNDECIDED = 6
    INTERRUPTED = 130


class Fault(StrEnum):
    """Whose fault an error is, so that a reader knows who can mend it."""

    OURS = "ours"
    OPERATOR = "operator"
    MACHINE = "machine"
    NETWORK = "network"
    SENDER = "sender"
    RECIPIENT = "recipient"
    REGISTER = "register"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row of the table: how a code ends a command, whose fault it is, its title and the usual remedy."""

    status: Exit
    fault: Fault
    title: str
    remedy: str


ERRORS: dict[str, ErrorRow] = {
    "failed": ErrorRow(
        Exit.FAILED,
        Fault.OURS,
        "The command failed",
        "run it again with `--json` and report its code",
    ),
    "usage": ErrorRow(Exit.USAGE, Fault.OPERATOR, "The command was misread", "see `punte --help`"),
    "findings": ErrorRow(
        Exit.FINDINGS,
        Fault.POLICY,
        "The check found something",
        "mend what the lines above name",
    ),
    "not_authenticated": ErrorRow(
        Exit.NOT_AUTHENTICATED,
        Fault.OPERATOR,
        "Nobody is logged in",
        "give credentials that Kafka accepts",
    ),
    "withheld": ErrorRow(
        Exit.WITHHELD,
        Fault.POLICY,
        "Withheld",
        "ask the data-protection officer of the hub",
    ),
    "undecided": ErrorRow(
        Exit.UNDECIDED,
        Fault.REGISTER,
        "Undecided",
        "facts are missing or stale: ask again in a few seconds",
    ),
    "interrupted": ErrorRow(Exit.INTERRUPTED, Fault.OPERATOR, "Interrupted", "run the command again"),
    "not_installed": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "A part is not installed",
        "install `punte[embedded]`, or run `make setup`",
    ),
    "kafka_unreachable": ErrorRow(
        Exit.FAILED,
        Fault.NETWORK,
        "Kafka cannot be reached",
        "start one with `punte broker up --detach`, or set PUNTE_KAFKA_BOOTSTRAP",
    ),
    "gateway_fenced": ErrorRow(
        Exit.FAILED,
        Fault.NETWORK,
        "Another gateway has taken these partitions",
        "nothing is lost, the other goes on; started again, this one takes the partitions that the group gives it",
    ),
    "offsets_went_back": ErrorRow(
        Exit.FINDINGS,
        Fault.OPERATOR,
        "A topic ends before what was decided",
        "restore the broker whole, or, if what is missing is lost, set the group's offsets back with Kafka's own tool: "
        "repeats have no second effect",
    ),
    "topic_refused": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "Kafka does not take what this lane must write",
        "run `punte topic apply --federation FILE`, and give this login its rights; nothing is lost, the lane waits",
    ),
    "register_unreadable": ErrorRow(
        Exit.FAILED,
        Fault.REGISTER,
        "A record of the register cannot be read",
        "write a right record under the same key with `punte register put`, then start again",
    ),
    "secret_missing": ErrorRow(
        Exit.FAILED, Fault.OPERATOR, "There is no secret file", "point PUNTE_SECRET_FILE at a file of mode 0600"
    ),
    "secret_faulty": ErrorRow(
        Exit.FAILED, Fault.OPERATOR, "The secret file is faulty", "restore it from its backup; never make up a new one"
    ),
    "seal_key_faulty": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "The public key for quarantine is faulty",
        "point PUNTE_SEAL_PUBLIC_FILE at the public key that `punte quarantine key` wrote",
    ),
    "seal_key_missing": ErrorRow(
        Exit.DONE,
        Fault.OPERATOR,
        "Quarantine keeps positions only",
        "make a key with `punte quarantine key --out DIR`, point PUNTE_SEAL_PUBLIC_FILE at its public file, start anew",
    ),
    "quarantine_open": ErrorRow(
        Exit.DONE,
        Fault.OPERATOR,
        "Something waits for a person",
        "see `punte quarantine list --open`, then `punte quarantine show LANE/NUMBER`",
    ),
    "quarantine_unknown": ErrorRow(
        Exit.FAILED, Fault.OPERATOR, "There is no such entry", "see `punte quarantine list`; entries are kept 30 days"
    ),
    "quarantine_closed": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "The entry is closed otherwise", "see `punte quarantine show LANE/NUMBER`"
    ),
    "quarantine_gone": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "The record is no longer kept",
        "give `--key FILE`, the private key it is sealed to; without one the sender must send it anew",
    ),
    "quarantine_pending": ErrorRow(
        Exit.UNDECIDED,
        Fault.OPERATOR,
        "An attempt of this event is on its way",
        "wait until it is decided (`punte quarantine list`), or repeat its command: then nobody gets it twice",
    ),
    "quarantine_receivers_unknown": ErrorRow(
        Exit.FAILED,
        Fault.OURS,
        "Nothing says who has the event already",
        "the announcement of that policy is gone from `audit.policy`: restore it, or tell by other means who lacks it",
    ),
    "quarantine_key_there": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "A key is never overwritten",
        "name another folder; keep the old key for old entries",
    ),
    "quarantine_key_faulty": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "The private key does not open it",
        "give the private key whose public file the hub had when the entry was made",
    ),
    "quarantine_key_open": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "Others may read the private key",
        "run `chmod 600` on it; if anybody else could have read it, make a new pair and tell the key officer",
    ),
    "secret_open": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "Others may read the secret file",
        "run `chmod 600` on it; if anybody else could have read it, tell the key officer",
    ),
    "broker_port_taken": ErrorRow(
        Exit.FAILED,
        Fault.MACHINE,
        "The port is taken",
        "choose another with `--port`, or leave `--port` out",
    ),
    "broker_disk_full": ErrorRow(
        Exit.FAILED,
        Fault.MACHINE,
        "The disk is full",
        "free some space, or point `--data` at another disk",
    ),
    "broker_registry_unreachable": ErrorRow(
        Exit.FAILED,
        Fault.NETWORK,
        "The registry of Java packages cannot be reached",
        "connect this machine once, or copy a filled PUNTE_CACHE folder from one that was",
    ),
    "broker_java_missing": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "There is no Java",
        "install `punte[embedded]`, or a Java 17 or newer",
    ),
    "broker_java_old": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "Java is too old",
        "install `punte[embedded]`, or point PUNTE_JAVA at Java 17+",
    ),
    "broker_jar_changed": ErrorRow(
        Exit.FAILED,
        Fault.MACHINE,
        "A jar is not the locked one",
        "delete the folder of jars and run again",
    ),
    "broker_data_unusable": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "The data folder cannot be used",
        "choose another folder with `--data`",
    ),
    "broker_running": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "A broker already runs",
        "stop it with `punte broker down`, or use it",
    ),
    "broker_not_running": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "No broker runs",
        "start one with `punte broker up --detach`",
    ),
    "broker_died": ErrorRow(
        Exit.FAILED,
        Fault.MACHINE,
        "Kafka stopped by itself",
        "read the end of its log file",
    ),
    "broker_slow": ErrorRow(
        Exit.FAILED,
        Fault.MACHINE,
        "Kafka did not get ready in time",
        "give the machine more time or memory, run again",
    ),
    "keycheck_missing": ErrorRow(
        Exit.FAILED, Fault.REGISTER, "No key check is registered", "run `punte register load FEDERATION --by A --by B`"
    ),
    "keycheck_differs": ErrorRow(
        Exit.FAILED,
        Fault.OPERATOR,
        "The keys are others",
        "point PUNTE_SECRET_FILE at the file the register was loaded with",
    ),
    "policy_refused": ErrorRow(
        Exit.FINDINGS, Fault.POLICY, "The policy is refused", "run `punte policy prove` and mend the rows it names"
    ),
    "policy_not_active": ErrorRow(
        Exit.FAILED, Fault.REGISTER, "No policy is active", "run `punte register load FEDERATION --by A --by B`"
    ),
    "policy_differs": ErrorRow(
        Exit.FAILED,
        Fault.POLICY,
        "Another policy is active",
        "start with the active pack, or load the new one with `--activate`",
    ),
    "schemas_stale": ErrorRow(
        Exit.FAILED, Fault.POLICY, "A release has no schema", "run `punte policy compile` and commit what it writes"
    ),
    "schema_refused": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "A schema does not load", "mend the field it names (schemas/README.md)"
    ),
    "settings_faulty": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "A setting is faulty", "mend the variable it names (hub/README.md, Settings)"
    ),
    "bootstrap_default": ErrorRow(
        Exit.DONE, Fault.OPERATOR, "No Kafka is named", "set PUNTE_KAFKA_BOOTSTRAP to the HOST:PORT of your Kafka"
    ),
    "profile_demo": ErrorRow(
        Exit.DONE, Fault.OPERATOR, "The demo profile", "unset PUNTE_PROFILE before real data comes near"
    ),
    "policy_unreadable": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "There is no policy pack", "unset PUNTE_POLICIES, or point it at a policy pack"
    ),
    "kafka_late": ErrorRow(
        Exit.FINDINGS, Fault.NETWORK, "Kafka answers late", "look at the load of Kafka and of the network; ask again"
    ),
    "kafka_refused": ErrorRow(
        Exit.NOT_AUTHENTICATED,
        Fault.OPERATOR,
        "Kafka refuses to tell",
        "give this login the right to describe topics and groups and to read `register` and `audit.register`",
    ),
    "subscription_parked": ErrorRow(
        Exit.FINDINGS,
        Fault.OPERATOR,
        "Releases of a subscription wait, because its topic cannot be written",
        "make its topic writable: `punte topic apply --federation FILE`, rights, `max.message.bytes`; they go out by "
        "themselves within a minute, by the facts of that day. Tell the unit what cannot wait",
    ),
    "topic_missing": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "A topic is missing", "run `punte topic apply --federation FILE`"
    ),
    "topic_partitions": ErrorRow(
        Exit.FINDINGS,
        Fault.OPERATOR,
        "A topic has other partitions",
        "compare it with `punte topic plan --federation FILE`; never change partitions while a lane runs",
    ),
    "register_empty": ErrorRow(
        Exit.DONE, Fault.REGISTER, "The register knows no unit", "run `punte register load FEDERATION --by A --by B`"
    ),
    "lane_not_running": ErrorRow(
        Exit.DONE, Fault.OPERATOR, "Nobody works on a lane", "start it: `punte run all --lane LANE`"
    ),
    "fold_lagging": ErrorRow(
        Exit.FINDINGS,
        Fault.MACHINE,
        "A lane lags",
        "watch it with `punte status --watch`; read the lane's log for alarms; give the machine more time",
    ),
    "copy_lagging": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "The audit copy of the register lags", "start it: `punte run registry`"
    ),
    "not_checked": ErrorRow(
        Exit.DONE, Fault.OPERATOR, "Not checked", "mend what the checks above name, then ask again"
    ),
    "health_port_taken": ErrorRow(
        Exit.FINDINGS,
        Fault.OPERATOR,
        "The health port is taken",
        "give each part a PUNTE_HEALTH_PORT of its own (`punte run all` takes the ports after it, too), or none",
    ),
    "federation_refused": ErrorRow(
        Exit.FINDINGS, Fault.OPERATOR, "The federation is refused", "mend the entries it names"
    ),
    "register_unknown": ErrorRow(Exit.FAILED, Fault.OPERATOR, "Not in the register", "see `punte register list`"),
    "register_faulty": ErrorRow(
        Exit.USAGE, Fault.OPERATOR, "A register record is faulty", "compare it with its schema in schemas/registers"
    ),
}
"""Code -> row. A code is opaque, stable and never reused; help, JSON output and documentation are made from here."""


class PunteError(Exception):
    """A fault to show to a person: code, one sentence, remedy. Holds field paths and opaque ids only, never values."""

    def __init__(self, code: str, sentence: str, remedy: str | None = None) -> None:
        """Takes the remedy from the table unless a more exact one is given; a test finds codes without a row."""
        super().__init__(sentence)
        self.row = ERRORS.get(code, ERRORS["failed"])
        self.code = code
        self.sentence = sentence
        self.remedy = remedy or self.row.remedy

    @property
    def status(self) -> Exit:
        """The exit status a command ends with."""
        return self.row.status

    @property
    def fault(self) -> Fault:
        """Whose fault it is."""
        return self.row.fault

    def as_json(self) -> dict[str, object]:
        """The object that `--json`, the console and problem+json all print."""
        return {
            "error": self.code,
            "title": self.row.title,
            "detail": self.sentence,
            "remedy": self.remedy,
            "fault": self.fault.value,
            "status": int(self.status),
        }
