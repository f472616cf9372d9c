"""Who calls what, as it was observed: `operations.json`, written by the test `permissions` of tests/suite."""
import json
import re

from checks.expanded import ROOT, logical, roles_of_functions
from checks.functions import FUNCTIONS, TAKERS
from checks.report import check
from checks.rights import TAKING, TRACING

OPERATIONS = ROOT / "infra/operations.json"
# What it calls the queues, and the other resources.
QUEUES = {"queue": "Queue", "dead letters": "DeadLetterQueue"}
KINDS = {"Table": "table", "Bucket": "bucket", "SecretsKey": "key"} | {queue: kind for kind, queue in QUEUES.items()}
# What Lambda does under a role besides.
PLATFORM = {"logs:CreateLogStream", "logs:PutLogEvents"} | TRACING


def check_operations(template):
    """A role allows what its function was observed to call, on what, and what its event source and Lambda do; no more."""
    observed = json.loads(OPERATIONS.read_text())
    check("functions that were observed", sorted(observed) == FUNCTIONS, ", ".join(sorted(observed)))
    for name, pairs in roles_of_functions(template).items():
        allowed = {f"{action} {kind_of(resource)}" for action, resource in pairs if action not in PLATFORM}
        taken = {f"{action} {kind}" for kind, queue in QUEUES.items() if TAKERS[queue] == name for action in TAKING}
        wanted = set(observed[name])
        check(f"{name}: what it calls is allowed", wanted <= allowed, ", ".join(sorted(wanted - allowed)) or len(wanted))
        more = sorted(allowed - wanted - taken)
        check(f"{name}: what is allowed was called", not more, ", ".join(more))
        check(f"{name}: its event source may take", taken <= allowed, ", ".join(sorted(taken - allowed)))


def kind_of(resource):
    """What `operations.json` calls a resource."""
    if resource == {"Fn::Sub": "${Bucket.Arn}/*"}:
        return "objects"
    index = re.fullmatch(r"\$\{Table\.Arn\}/(index/\w+)", str(resource.get("Fn::Sub"))) if isinstance(resource, dict) else None
    return index[1] if index else KINDS.get(logical(resource), str(resource))
