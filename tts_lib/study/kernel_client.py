"""How a stage reaches its kernel: as jupyter's client does, but that it begins as soon as the kernel answers."""

import math
import time
from contextlib import suppress
from queue import Empty

from jupyter_client.asynchronous.client import AsyncKernelClient


class Client(AsyncKernelClient):
    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Without the fifth of a second in which jupyter's listens whether the kernel has more to say.

        Raises:
            RuntimeError: the kernel has died, or does not answer for so many seconds.
        """
        until = time.monotonic() + (math.inf if timeout is None else timeout)
        while time.monotonic() < until:
            self.kernel_info()
            with suppress(Empty):
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)  # this channel is heard as well
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before it answered")
        raise RuntimeError(f"Kernel didn't answer in {timeout} seconds")
