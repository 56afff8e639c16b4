"""Every notebook of a finished study, top to bottom in JupyterLab's server: `python benchmarks/lab.py [STUDY]`.

`tts lab` is started on the study without a browser; each notebook gets a session, as when it is opened in JupyterLab,
and its code cells are run in order over the kernel's socket. Per notebook it prints the seconds, how many of its tables
and figures are byte for byte those of the study (`equal`), and names the ones that are not (`other`). At the end: which
files of the study changed, of which there should be none.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import nbformat
import yaml
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

NOT_THE_STUDY = {"scratch", ".tts_store", ".git", "logs", "__pycache__", ".ipynb_checkpoints", ".virtual_documents"}


def notebooks_of(root: Path) -> list[Path]:
    """The notebooks that the study's stages execute, in the reader's order, and the one for exploring."""
    stages = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    used = {dep["path"] for stage in stages.values() for dep in stage.get("deps", ())}
    return [path for path in sorted((root / "notebooks").glob("*.ipynb")) if f"notebooks/{path.name}" in used] + [
        root / "notebooks/explore.ipynb"
    ]


def files_of(root: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of change of each file of the study."""
    found = {}
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in NOT_THE_STUDY]
        for path in (Path(folder, name) for name in names):
            found[path] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


class Server:
    """JupyterLab's server on a study, spoken to as its page does."""

    def __init__(self, root: Path, runtime: Path) -> None:
        self.token = uuid.uuid4().hex
        (runtime / "jupyter_server_config.json").write_text('{"ServerApp": {"allow_root": true}}')  # as in a container
        own = {"JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(runtime)}
        own |= {"JUPYTER_TOKEN": self.token, "BROWSER": "true"}
        command = [sys.executable, "-m", "tts_lib.commands", "lab", str(root)]
        self.process = subprocess.Popen(command, env=os.environ | own, stderr=subprocess.DEVNULL)
        while not (known := list(runtime.glob("jpserver-*.json"))):
            if self.process.poll() is not None:
                sys.exit("The server of JupyterLab did not start.")
            time.sleep(0.2)
        time.sleep(1.0)
        self.url = json.loads(known[0].read_text())["url"].rstrip("/")

    async def ask(self, method: str, what: str, body: Any = None) -> Any:
        text = None if body is None else json.dumps(body)
        headers = {"Authorization": f"token {self.token}"}
        request = HTTPRequest(f"{self.url}/api/{what}", method=method, headers=headers, body=text, request_timeout=60)
        answer = await AsyncHTTPClient().fetch(request)
        return json.loads(answer.body) if answer.body else None

    async def run(self, root: Path, notebook: Path) -> str | None:
        """Run the code cells in order; the first error's words, or None."""
        name = notebook.relative_to(root).as_posix()
        opened = {"path": name, "name": notebook.name, "type": "notebook", "kernel": {"name": "python3"}}
        session = await self.ask("POST", "sessions", opened)
        url = f"ws{self.url.removeprefix('http')}/api/kernels/{session['kernel']['id']}/channels?token={self.token}"
        socket = await websocket_connect(url, max_message_size=2**30)
        try:
            for cell in nbformat.read(notebook, 4).cells:
                if cell.cell_type == "code" and (error := await _execute(socket, cell.source)):
                    return error
        finally:
            socket.close()
            await self.ask("DELETE", f"sessions/{session['id']}")
        return None


async def _execute(socket: WebSocketClientConnection, source: str) -> str | None:
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": number, "version": "5.3"}
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    while (text := await socket.read_message()) is not None:
        answer = json.loads(text)
        if answer["parent_header"].get("msg_id") == number and answer["msg_type"] == "execute_reply":
            said = answer["content"]
            return None if said["status"] == "ok" else f"{said.get('ename')}: {said.get('evalue')}"
    return "The kernel's socket was closed."


def compare(root: Path, scratch: Path) -> tuple[int, list[str]]:
    """How many results written by hand are the study's, byte for byte, and which are not."""
    written = [path for path in sorted((scratch / "reports/results").rglob("*")) if path.is_file()]
    written = [path.relative_to(scratch) for path in written if not path.is_symlink()]
    other = [str(path) for path in written if (root / path).read_bytes() != (scratch / path).read_bytes()]
    return len(written) - len(other), other


async def measure(root: Path, names: list[str]) -> None:
    before = files_of(root)
    with tempfile.TemporaryDirectory() as runtime:
        server = Server(root, Path(runtime))
        try:
            for notebook in notebooks_of(root):
                if names and notebook.stem not in names:
                    continue
                start = time.monotonic()
                error = await server.run(root, notebook)
                seconds = time.monotonic() - start
                equal, other = compare(root, root / "scratch" / notebook.stem)
                said = error or (f"other: {', '.join(other)}" if other else "")
                print(f"{notebook.stem:34} {seconds:7.1f} s {equal:4} equal  {said}", flush=True)
        finally:
            server.process.terminate()
            server.process.wait()
    changed = [str(path.relative_to(root)) for path, state in files_of(root).items() if before.get(path) != state]
    gone = [str(path.relative_to(root)) for path in before if not path.exists()]
    print(f"Files of the study that changed: {', '.join(changed + gone) or 'none'}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, default=Path())
    parser.add_argument("--notebooks", nargs="+", default=[], help="only these, by name without ending")
    given = parser.parse_args()
    asyncio.run(measure(given.study.resolve(), given.notebooks))


if __name__ == "__main__":
    main()
