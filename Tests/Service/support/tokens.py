"""Tokens, made by the command line in a data directory that no server uses."""

import pathlib
import subprocess

from support.client import Client
from support.server import binary, environment


def token_command(*arguments, env=None):
    return subprocess.run(
        [binary(), "token", *map(str, arguments)], env=environment(env), capture_output=True,
        text=True, timeout=60)


def make_token(data, *scopes, resources=(), **options):
    """The secret of a new token; the first one is made with one that may make others."""
    is_first = not (pathlib.Path(data) / ".tidemark" / "tokens").exists()
    if is_first and (scopes not in [(), ("admin",)] or resources or "expires" in options):
        make_token(data)
    arguments = ["create", "--data", data]
    for scope in scopes:
        arguments += ["--scope", scope]
    for pattern in resources:
        arguments += ["--resource", pattern]
    for name, value in options.items():
        arguments += ["--" + name.replace("_", "-"), value]
    done = token_command(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class As(Client):
    """A client that shows a token."""

    def __init__(self, server, token):
        super().__init__(server.port)
        self.token = token

    def request(self, method, path, body=None, headers=None, **rest):
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return super().request(method, path, body, headers, **rest)
