"""What must not stand in any tracked file: paths of a machine, addresses of registries, real persons, wrong letters."""

import re
from collections.abc import Iterator

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|farm|home/[a-z]+)/")
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "maven" + ".org", "maven.apache" + ".org")
REGISTRY = re.compile("|".join(re.escape(host) for host in REGISTRIES))
ADDRESS = re.compile(r"https?://")
PERSONAL_NUMBER = re.compile(r"(?<!\d)[1-9]\d{12}(?!\d)")
CEDILLA = re.compile("[" + "".join(map(chr, (0x15E, 0x15F, 0x162, 0x163))) + "]")
WEIGHTS = (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)


def find_machine(path: str, text: str) -> Iterator[str]:
    """Paths that only exist on the machine where a file was written."""
    yield from _lines(MACHINE_PATH, path, text, "names a folder of a machine")


def find_registry(path: str, text: str) -> Iterator[str]:
    """Addresses of package registries."""
    yield from _lines(REGISTRY, path, text, "names a registry")


def find_lock_address(path: str, text: str) -> Iterator[str]:
    """Any address in a lock file: hashes alone say what is right, whoever serves it."""
    if "lock" in path or "requirements" in path or "constraints" in path:
        yield from _lines(ADDRESS, path, text, "holds an address")


def find_person(path: str, text: str) -> Iterator[str]:
    """Romanian personal numbers that could be somebody's: right check digit, county code outside 60-69."""
    for found in PERSONAL_NUMBER.finditer(text):
        digits = [int(letter) for letter in found[0]]
        check = sum(weight * digit for weight, digit in zip(WEIGHTS, digits, strict=False)) % 11
        real_county = found[0][7] != "6"
        real_day = 1 <= int(found[0][3:5]) <= 12 and 1 <= int(found[0][5:7]) <= 31
        if real_county and real_day and digits[12] == (1 if check == 10 else check):
            yield f"{path}:{text.count(chr(10), 0, found.start()) + 1} holds a personal number that could be real"


def find_cedilla(path: str, text: str) -> Iterator[str]:
    """Romanian letters written with a cedilla instead of a comma below; a test may plant one."""
    if not path.startswith("tests/"):
        yield from _lines(CEDILLA, path, text, "writes s or t with a cedilla")


def _lines(pattern: re.Pattern[str], path: str, text: str, what: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.search(line):
            yield f"{path}:{number} {what}"
