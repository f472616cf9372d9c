#!/usr/bin/env python3
"""Holds a running local cloud against the OpenAPI document that it serves.

usage: run.py BASE KEY ENV_FILE
ENV_FILE is what `millrace local --write-env` wrote. First with the key, then without one.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVENTS = HERE.parent.parent / "events"
PROVIDER = "http://127.0.0.1:7861"  # what stands for the provider's address in the payloads


def call(base, key, method, path, body=None):
    headers = {"x-api-key": key, "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def flow_of(event, provider):
    return json.loads(json.loads((EVENTS / event).read_text())["body"].replace(PROVIDER, provider))


def prepare(base, key, provider):
    """Flows of both dialects, one that nothing stands on, and a task that failed."""
    create = lambda flow: call(base, key, "POST", "/api/v1/flows/", flow)["id"]
    known = {
        "base": base,
        "chat": create(flow_of("api-flows-create.json", provider)),
        "echo": create(flow_of("api-flows-create-chat.json", provider)),
        "spare": create({"name": "spare"}),
        "own_key": call(base, key, "GET", "/api/v1/api_key/")["api_keys"][0]["id"],
    }
    empty = create({"name": "without a root", "data": {"nodes": [], "edges": []}})
    task = call(base, key, "POST", f"/api/v1/process/{empty}", {"sync": False})["task"]["id"]
    for _ in range(100):
        if call(base, key, "GET", f"/api/v1/task/{task}?wait=1")["state"] == "failed":
            return known | {"failed": task}
        time.sleep(0.1)
    sys.exit("the flow without a root did not fail")


def schemathesis(document, known, key, *options):
    """Its verdict, and how often each operation was answered with which status."""
    with tempfile.TemporaryDirectory() as folder:
        # From a file: what it reads from an address it does not test.
        described, seen = Path(folder) / "openapi.json", Path(folder) / "seen.json"
        described.write_text(json.dumps(document))
        environment = os.environ | {
            "CONTRACT_HOOKS": str(HERE / "hooks.py"),
            "CONTRACT_KEY": key,
            "CONTRACT_KNOWN": json.dumps(known),
            "CONTRACT_SEEN": str(seen),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = ["schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", str(described)]
        command += ["--url", known["base"], *options]
        command += ["-H", f"x-api-key: {key}"] if key else []
        verdict = subprocess.run(command, env=environment, cwd=folder, check=False).returncode
        return verdict, json.loads(seen.read_text()) if seen.exists() else {}


def unreached(document, seen):
    """Operations that never succeeded: their answers have been held against nothing."""
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    return [name for name in ids if not any(status < "300" for status in seen.get(name, {}))]


def main(base, key, env_file):
    lines = (line.split("=", 1) for line in Path(env_file).read_text().splitlines() if "=" in line)
    known = prepare(base, key, dict(lines)["MILLRACE_PROVIDER_URL"].rstrip("/"))
    document = call(base, key, "GET", "/openapi.json")
    print("-- with the key", flush=True)
    failed, seen = schemathesis(document, known, key, "--checks", "all")
    for name, statuses in sorted(seen.items()):
        print(f"{name:22}", ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
    missed = unreached(document, seen)
    if missed:
        print("never brought to succeed:", ", ".join(missed))
    print("-- without a key", flush=True)
    denied, _ = schemathesis(document, known, "", "--checks", "is_denied,not_a_server_error,status_code_conformance")
    return 1 if failed or missed or denied else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
