"""Readings on disk: one JSON line each behind its checksum, only ever appended to.

A kill or a full disk can cut the last line short, and bits can rot: a line whose checksum is wrong is left out on
reading, so its answer is read again. Lines of other settings (versions of the rules) are left alone.
"""

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from tts_lib.common.files import WriteError, explain
from tts_lib.grading.reading.conditions import Reading, as_reading


class ReadingCache:
    """The readings of one setting in a file that other settings may share.

    Args:
        path: the file; it and its folder appear with the first reading.
        setting: what else the readings depend on, in one string.
    """

    def __init__(self, path: Path, setting: str) -> None:
        self.path = path
        self.setting = setting

    def read(self) -> dict[str, Reading]:
        """Return all intact readings of this setting by their normal form; none where there is no file yet."""
        if not self.path.exists():
            return {}
        found = {}
        for line in self.path.read_bytes().split(b"\n"):
            if (record := _intact(line)) and record[0] == self.setting:
                _, text, reading = record
                found[text] = as_reading(reading)
        return found

    def append(self, readings: Mapping[str, Reading]) -> None:
        """Write the readings behind the others, in one go, and wait until they are on the disk.

        Raises:
            WriteError: disk full, no permission; what was in the file stays readable.
        """
        if not readings:
            return
        lines = [_line([self.setting, text, reading]) for text, reading in readings.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab") as file:
                file.write(b"\n" + b"".join(lines))  # the line break ends a line that a kill has cut short
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise WriteError(explain(error, self.path)) from error


def _line(record: list) -> bytes:
    text = json.dumps(record).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _intact(line: bytes) -> list | None:
    checksum, _, text = line.partition(b" ")
    if not text or checksum != b"%08x" % zlib.crc32(text):
        return None
    record = json.loads(text)
    return record if len(record) == 3 else None
