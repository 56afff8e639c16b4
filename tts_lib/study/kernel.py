"""The kernel of a stage: IPython's, but that it ends as soon as it is asked to, also where models were trained.

ipykernel waits for its children, and kills itself over it after 14 seconds or is killed before. Two children of
multiprocessing end only when it does: the server that training processes are forked from, and the tracker of what they
share.
"""

import sys
from multiprocessing import forkserver, resource_tracker
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

sys.modules.setdefault("debugpy", None)  # pyright: ignore[reportArgumentType] (nobody debugs a stage)


class Kernel(IPythonKernel):
    def do_shutdown(self, restart: bool) -> Any:
        for child in (forkserver._forkserver, resource_tracker._resource_tracker):
            child._stop()  # pyright: ignore[reportAttributeAccessIssue]
        return super().do_shutdown(restart)


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=Kernel)
