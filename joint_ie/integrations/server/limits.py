"""What a server accepts. The command line shows these numbers, so nothing that loads slowly is imported here."""

from dataclasses import dataclass, fields

from joint_ie.errors import check_range


@dataclass(frozen=True)
class Limits:
    """What one request may ask for, and how many may be there at once.

    ``waiting`` counts all extractions that are being received, wait, run or are being answered, so that what waits
    takes no more memory than it times ``bytes`` (times four for texts with characters beyond U+FFFF). A text runs to
    its end before another has its turn, so ``characters`` bounds how long others wait for it. ``timeout`` is how many
    seconds an extraction may take. ``body_timeout`` is how many the head of a request may take to arrive, its body
    likewise, and a piece of the answer to be taken.
    """

    bytes: int = 1_000_000
    texts: int = 100
    characters: int = 50_000
    waiting: int = 1024
    timeout: float = 300.0
    body_timeout: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type is int:
                check_range(field.name, getattr(self, field.name), 1)
            else:
                check_range(field.name, getattr(self, field.name), above=0)
