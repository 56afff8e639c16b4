"""What can go wrong with a store."""

from tts_lib.common.errors import StudyError


class StoreError(StudyError):
    """The store cannot be used as asked. The message is one sentence for the user."""


class DamagedShardError(StoreError):
    """A shard is missing, or its content is not what the manifest says."""
