"""What schemathesis cannot make up: ids that there are, files with something in them, and what must not be sent.

The variable CONTRACT_KNOWN says which ids there are. Every answer's status is counted by its operation and written to the
file of CONTRACT_SEEN: `run.py` looks whether each operation was brought to succeed.
"""
import atexit
import collections
import json
import os
import re
import urllib.request
import uuid

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

KNOWN = json.loads(os.environ["CONTRACT_KNOWN"])
KEY = os.environ["CONTRACT_KEY"]
SEEN = collections.defaultdict(collections.Counter)
# Ids that answers have shown: what a later step of the same scenario is about.
SHOWN = set()

# Which id stands in which operation where a well-formed one was made up. Flows that were made up are not run: they fail
# by themselves, and that is 500 in Langflow's contract, which here would hide a 500 of ours.
ALWAYS = {"process": "chat", "predict": "chat", "run": "echo"}
UNLESS_SHOWN = {
    "preload": "chat",
    "read_flow": "chat",
    "update_flow": "spare",
    "upload_file": "chat",
    "poll_task": "failed",
    "retry_task": "failed",
}
# What is ended is made for it, so that there is something to end.
MADE = {
    "cancel_task": lambda: made(f"/process/{KNOWN['chat']}", {"inputs": {"text": "hi"}, "sync": False})["task"]["id"],
    "delete_flow": lambda: made("/flows/", {"name": "to be deleted"})["id"],
    "rotate_key": lambda: made("/api_key/", {"name": "to be rotated"})["id"],
    "update_variable": lambda: made("/variables/", {"name": uuid.uuid4().hex, "value": "to be changed"})["id"],
    "delete_variable": lambda: made("/variables/", {"name": uuid.uuid4().hex, "value": "to be deleted"})["id"],
    "delete_key": lambda: made("/api_key/", {"name": "to be deleted"})["id"],
}
MADE["cancel_task_by_post"] = MADE["cancel_task"]


@schemathesis.hook
def before_call(context, case, kwargs):
    name = operation_id(case)
    for parameter, value in (case.path_parameters or {}).items():
        if well_formed(parameter, value):
            case.path_parameters[parameter] = instead(name, value)
    if isinstance(case.query, dict):
        case.query = query_instead(name, dict(case.query), case.body, is_negative(case))
    # A name that was used before would be 409 for all that follow.
    if case.headers and well_formed("Idempotency-Key", case.headers.get("Idempotency-Key")):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    if isinstance(case.body, dict):
        case.body = body_instead(name, dict(case.body), is_negative(case))


@schemathesis.hook
def after_call(context, case, response):
    SEEN[operation_id(case)][response.status_code] += 1
    SHOWN.update(re.findall(r'"id": ?"([0-9a-f-]{36})"', response.text))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A number for a file is no fault: in a form everything is text."""
    return not (isinstance(failure, AcceptedNegativeData) and case.media_type == "multipart/form-data")


@schemathesis.check
def is_denied(ctx, response, case):
    """Without a key nothing is answered, except where the document says that none is needed."""
    if not KEY and case.operation.definition.raw.get("security") != []:
        assert response.status_code >= 300, f"{response.status_code} without a key"


@atexit.register
def write_seen():
    with open(os.environ["CONTRACT_SEEN"], "w") as file:
        json.dump(SEEN, file)


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


def is_negative(case):
    return case.meta is not None and case.meta.generation.mode.is_negative


def well_formed(parameter, value):
    if parameter == "Idempotency-Key":
        return bool(re.fullmatch(r"[!-~]{1,255}", str(value or "")))
    if parameter == "flow":
        return bool(re.fullmatch(r"[\w-]+", str(value), re.ASCII))
    try:
        return bool(uuid.UUID(str(value)))
    except ValueError:
        return False


def instead(name, value):
    """The id to send, where this one is well-formed."""
    if name in ALWAYS:
        return KNOWN[ALWAYS[name]]
    if name in UNLESS_SHOWN and value not in SHOWN:
        return KNOWN[UNLESS_SHOWN[name]]
    # Lists show what all of this stands on, the key above all: that stays.
    if name in MADE and KEY and (value not in SHOWN or value in KNOWN.values()):
        return MADE[name]()
    return value


def made(path, body):
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    request = urllib.request.Request(f"{KNOWN['base']}/api/v1{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def query_instead(name, query, body, negative):
    if "wait" in query:
        query["wait"] = shorter(query["wait"])
    if negative:
        return query
    if name == "list_tasks":
        query.pop("cursor", None)  # It would have to be one that an answer has shown.
    if name == "upload_file":
        query["presigned"] = isinstance(body, dict) and "file_name" in body  # The document cannot say that they go together.
    return query


def shorter(wait):
    """Nobody waits for long."""
    try:
        return 0.1 if 0.1 < float(wait) <= 20 else wait
    except (TypeError, ValueError):
        return wait


def body_instead(name, body, negative):
    # No address that is made up is called.
    if str(body.get("callback_url")).startswith("http"):
        del body["callback_url"]
    if negative:
        return body
    # One that is used up before the end is 422, and no fault of the body.
    if isinstance(body.get("budget"), (int, float)):
        body["budget"] = max(body["budget"], 1)
    if name == "import_flows":
        return {"file": json.dumps({"name": "imported", "data": {"nodes": [], "edges": []}})}
    if name == "upload_file" and "file" in body:
        return {"file": "city,people\nBerlin,3900000\n"}
    if name == "run" and isinstance(body.get("tweaks"), str):
        body["tweaks"] = "{}"
    return body
