"""Tells schemathesis how the two types are written that it does not know."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.serializer("application/x-record-frames")
def frames(context, value):
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    return len(data).to_bytes(4, "big") + data
