"""A small server with as much of the Hugging Face Hub as pushing and fetching a bundle need."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """Keeps the files of one repository in memory."""

    files: dict[str, bytes]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _json(self, value: object, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status)

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self) -> None:
        """Make the repository, say how files are sent, take a commit."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        host = f"http://{self.headers['Host']}"
        if self.path.endswith("/repos/create"):
            self._json({"url": f"{host}/me/tags", "name": "me/tags"})
        elif self.path.endswith("/validate-yaml"):
            self._json({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            wanted = json.loads(body)["files"]
            self._json(
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for f in wanted
                    ]
                }
            )
        elif "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    value = entry["value"]
                    self.files[value["path"]] = base64.b64decode(value["content"])
            self._json({"commitUrl": f"{host}/me/tags/commit/{COMMIT}", "commitOid": COMMIT})
        else:
            self._json({"error": self.path}, 404)

    def do_GET(self) -> None:
        """List the repository's files, or send one."""
        if self.path.startswith("/api/models/me/tags/tree/"):
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
                for name, content in self.files.items()
            ]
            self._json(entries)
            return
        if self.path.startswith("/api/models/me/tags") and self.files:
            siblings = [{"rfilename": name} for name in self.files]
            facts = {"id": "me/tags", "sha": COMMIT, "siblings": siblings, "private": False}
            self._json(facts | {"tags": [], "downloads": 0, "likes": 0})
            return
        name = self.path.partition(f"/resolve/{COMMIT}/")[2]
        if name in self.files:
            content = self.files[name]
            self._send(content, ETag=f'"{_oid(content)}"')
        else:
            self._send(b"", 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET  # noqa: N815 - the library's name


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def hub() -> Iterator[str]:
    """Serve an empty hub; yield its address."""
    handler = type("OneHub", (Hub,), {"files": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
