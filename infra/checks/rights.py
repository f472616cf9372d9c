"""Who may do what."""
import re

from checks.expanded import ROOT, listed, logical, of_type, roles_of_functions, statements
from checks.functions import FUNCTIONS, TAKERS
from checks.report import check
from checks.state import STORE

VECTORS = ROOT / "crates/components/src/retrieval/s3_vectors.rs"
READERS = {"open": ["Sweeper"], "list": ["Api"]}  # who may read which index
# What an event source does under the role of its function; the store calls none of it.
TAKING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# A transaction needs the actions it is made of.
MADE_OF = {"dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}}
# A tag needs a right of its own, and a missing object is only said to be missing to who may list.
COMES_WITH = {"s3:PutObject": {"s3:PutObject", "s3:PutObjectTagging"}, "s3:GetObject": {"s3:GetObject", "s3:ListBucket"}}
TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# Every star that may stand, by where it does. Roles: the bucket's own objects, and X-Ray, which knows no resources. The others
# are a Deny of what is not TLS, the key's policy, which leaves it to the account's, and who may call the front.
OBJECTS = ("Resource", "${Bucket.Arn}/*")
ROLE_STARS = {name: {OBJECTS} for name in ("ApiRole", "WorkerRole", "SweeperRole")} | {"TracingPolicy": {("Resource", "*")}}
OTHER_STARS = {
    "QueuePolicy": {("Principal", "*"), ("Action", "sqs:*")},
    "DeadLetterQueuePolicy": {("Principal", "*"), ("Action", "sqs:*")},
    "BucketPolicy": {("Principal", "*"), ("Action", "s3:*"), OBJECTS},
    "SecretsKey": {("Action", "kms:*"), ("Resource", "*")},
    "HttpApiPermission": {("SourceArn", "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*")},
    "ApiUrlPermission": {("Principal", "*")},
    "ApiUrlInvokePermission": {("Principal", "*")},
}
SPEAKING = ("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "SourceArn")


def check_roles(template):
    for name, role in of_type(template, "AWS::IAM::Role").items():
        check(f"{name}: no managed policy", not role.get("ManagedPolicyArns"))
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        check(f"{name}: assumed by Lambda alone", trust["Principal"] == {"Service": "lambda.amazonaws.com"})
        denied = [s for s in statements(role) if s["Effect"] != "Allow" or "NotAction" in s or "NotResource" in s]
        check(f"{name}: says only what is allowed", not denied)


def check_stars(template):
    """No star but those that are listed, wherever a policy or permission stands."""
    listed_stars = ROLE_STARS | OTHER_STARS
    for name, resource in template["Resources"].items():
        seen = set(stars(resource.get("Properties", {})))
        more = sorted(f"{field} {value}" for field, value in seen - listed_stars.get(name, set()))
        if seen or more:
            check(f"{name}: no star outside the platform set", not more, ", ".join(more) or f"{len(seen)} listed")


def stars(node, field=None):
    """Pairs of the field of a policy and a text under it that holds a star."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from stars(value, key if key in SPEAKING else field)
    elif isinstance(node, list):
        for item in node:
            yield from stars(item, field)
    elif field and "*" in str(node):
        yield field, node


def check_rights(template):
    """Who may do what: no more than the store calls, and what crosses tenants or takes messages for one function alone."""
    rights = roles_of_functions(template)
    for index, readers in READERS.items():
        seen = sorted(f for f, pairs in rights.items() if any(f"/index/{index}" in str(r) for _, r in pairs))
        check(f"index {index}: who may query it", seen == readers, ", ".join(seen))
    for queue, taker in TAKERS.items():
        may = {f: {a for a, r in pairs if logical(r) == queue} for f, pairs in rights.items()}
        seen = sorted(f for f in may if may[f] & TAKING)
        check(f"{queue}: who takes from it", seen == [taker] and TAKING <= may[taker], ", ".join(seen))
        senders = sorted(f for f in may if "sqs:SendMessage" in may[f])
        check(f"{queue}: who sends to it", senders == (FUNCTIONS if queue == "Queue" else []), ", ".join(senders))
    deletes = [a for a, _ in rights["Sweeper"] if a in ("dynamodb:DeleteItem", "dynamodb:BatchWriteItem")]
    check("the sweeper deletes no row", not deletes, ", ".join(deletes))
    allowed = {a for pairs in rights.values() for a, _ in pairs if a.startswith(("dynamodb:", "sqs:", "s3:", "kms:"))}
    makers = sorted(f for f, pairs in rights.items() if "kms:GenerateDataKey" in {a for a, _ in pairs})
    check("who makes data keys", makers == ["Api"], ", ".join(makers))
    opened = {logical(r) for pairs in rights.values() for a, r in pairs if a.startswith("kms:")}
    check("one key, that of this stack", opened == {"SecretsKey"}, ", ".join(sorted(map(str, opened))))
    writers = sorted(f for f, pairs in rights.items() if "s3:PutObject" in {a for a, _ in pairs})
    check("who writes objects", writers == ["Api", "Worker"], ", ".join(writers))
    check("nobody deletes objects", "s3:DeleteObject" not in allowed)
    called = called_by_store()
    check("what the store calls is allowed", called <= allowed, ", ".join(sorted(called - allowed)) or len(called))
    check("what is allowed is called", allowed <= called | TAKING, ", ".join(sorted(allowed - called - TAKING)))


def check_services(template):
    """What the functions may do besides: what the operator names, and by default nothing."""
    models, indexes, tracing = (template["Parameters"][name] for name in ("BedrockModels", "VectorIndexes", "Tracing"))
    runners, wanted, found = ["ApiRole", "WorkerRole"], {}, {}
    if models:
        wanted["bedrock:InvokeModel"] = (runners, models.split(","))
    if indexes:
        calls = re.findall(r'\.ask\(cx, "(\w+)"', VECTORS.read_text())
        wanted |= dict.fromkeys((f"s3vectors:{call}" for call in calls), (runners, indexes.split(",")))
    if tracing == "Active":
        wanted |= dict.fromkeys(TRACING, ([*runners, "SweeperRole"], ["*"]))
    for name, policy in of_type(template, "AWS::IAM::Policy").items():
        (statement,) = policy["PolicyDocument"]["Statement"]
        check(f"{name}: says only what is allowed", statement["Effect"] == "Allow")
        holders = list(map(logical, policy["Roles"]))
        found |= {action: (holders, listed(statement["Resource"])) for action in listed(statement["Action"])}
    check("what else is allowed is what is named, to who needs it", found == wanted, ", ".join(sorted(found)) or "nothing")
    modes = {f.get("TracingConfig", {}).get("Mode") for f in of_type(template, "AWS::Lambda::Function").values()}
    check("every function traces as the parameter says", modes == {tracing}, ", ".join(map(str, modes)))


def called_by_store():
    """The actions that the store's calls of the SDKs need: `self.sqs().send_message()` is `sqs:SendMessage`."""
    source = "\n".join(p.read_text() for p in sorted(STORE.rglob("*.rs")))
    calls = re.findall(r"\.(dynamodb|sqs)\(\)\s*\.(\w+)\(\)", source)
    calls += [("kms", call) for call in re.findall(r"\bclient\s*\.(\w+)\(\)", (STORE / "seal/master.rs").read_text())]
    calls += [("s3", call) for call in re.findall(r"\bclient\s*\.(\w+)\(\)", (STORE / "bucket.rs").read_text())]
    actions = {f"{service}:{call.title().replace('_', '')}" for service, call in calls}
    return set().union(*((MADE_OF | COMES_WITH).get(action, {action}) for action in actions))
