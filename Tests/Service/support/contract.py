"""Compares every answer that any test sees with what openapi.json declares."""

import json
import re

DOCUMENT = None
# What was answered and is not declared, and all that was answered.
UNDECLARED = set()
SEEN = set()


def load(document):
    """Sets the document that answers are compared with from now on."""
    global DOCUMENT
    DOCUMENT = document
    for template, operations in document["paths"].items():
        pattern = re.compile(
            "/".join(
                "[^/]+" if part.startswith("{") else re.escape(part)
                for part in template.split("/")) + "$")
        TEMPLATES.append((pattern, template, operations))
    # A literal segment wins over one that varies.
    TEMPLATES.sort(key=lambda row: row[1].count("{"))


TEMPLATES = []


def operation(method, path):
    """The operation's description, or None for what no path or method has."""
    for pattern, template, operations in TEMPLATES:
        if pattern.match(path.split("?")[0]):
            return template, operations.get("get" if method == "HEAD" else method.lower())
    return None, None


def observe(answer):
    template, found = operation(answer.method, answer.path)
    if found is None:
        return
    row = (answer.method, template, answer.status, answer.type, code(answer))
    SEEN.add(row)
    if fault(answer, found):
        UNDECLARED.add(row)


def code(answer):
    if answer.type != "application/problem+json" or not answer.body:
        return None
    return json.loads(answer.body).get("code")


def fault(answer, found):
    """What is wrong with the answer, or None."""
    declared = found["responses"].get(str(answer.status))
    if declared is None:
        return f"status {answer.status} is not declared"
    declared = resolve(declared)
    contents = declared.get("content", {})
    types = {name.split(";")[0] for name in contents}
    if answer.type and answer.type not in types and answer.status not in (204, 304):
        return f"type {answer.type} is not declared"
    return None


def resolve(node):
    while "$ref" in node:
        found = DOCUMENT
        for part in node["$ref"].split("/")[1:]:
            found = found[part]
        node = found
    return node
