"""The closed list of problem codes, read from where the service has it."""

import re

from support.server import ROOT

SOURCE = ROOT / "Sources" / "API" / "Problems" / "ProblemCode.swift"


def closed_list():
    """Status and retryable by code."""
    text = SOURCE.read_text()
    slugs = {}
    for name, slug in re.findall(r'^    case (\w+)(?: = "(\w+)")?$', text, re.M):
        slugs[name] = slug or name
    rows = re.findall(r"case \.(\w+): Row\((\d+), \"[^\"]*\"(, retryable: true)?\)", text)
    assert {name for name, _, _ in rows} == set(slugs), "the list is read wrongly"
    return {slugs[name]: (int(status), bool(retryable)) for name, status, retryable in rows}


CODES = closed_list()


def check_problem(answer, code, applied="no"):
    """Everything that is promised of every problem; the document."""
    assert answer.type == "application/problem+json", answer
    document = answer.json
    status, retryable = CODES[code]
    assert document["code"] == code and answer.status == status, answer
    assert document["status"] == status and document["type"] == f"/problems/{code}"
    assert document["title"] and document["detail"] and document["title"] != document["detail"]
    assert document["instance"] == answer.path.split("?")[0][:256]
    assert document["request_id"] == answer["Request-Id"]
    assert document["retryable"] is retryable and document["applied"] == applied
    assert bool(answer["Retry-After"]) == (status in (423, 429, 503)), "Retry-After"
    return document
