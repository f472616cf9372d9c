#!/usr/bin/env python3
"""Checks template.yaml: cfn-lint, then what must not slip, on the template as SAM expands it, once for each front.

usage: check_template.py        needs: cfn-lint, aws-sam-translator
Prints a line for each thing checked; ends with 1 if any of them does not hold.
"""
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator wants a region; nothing is called

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

INFRA = Path(__file__).resolve().parent
TEMPLATE = INFRA / "template.yaml"
STORE = INFRA.parent / "crates/store/src"
SCHEMA = STORE / "schema.rs"
ENVIRONMENT = INFRA.parent / "crates/runner/src/environment.rs"
VECTORS = INFRA.parent / "crates/components/src/retrieval/s3_vectors.rs"
LOCAL_ONLY = {"MILLRACE_ALLOW_LOOPBACK", "MILLRACE_FILES_ROOT", "MILLRACE_KEY_FILE", "MILLRACE_PLAIN_KEYS"}
FUNCTIONS = ["Api", "Sweeper", "Worker"]
# Who may read which index, and who takes messages from which queue.
READERS = {"open": ["Sweeper"], "list": ["Api"]}
TAKERS = {"Queue": "Worker", "DeadLetterQueue": "Sweeper"}
# What `operations.json` calls the queues.
QUEUES = {"queue": "Queue", "dead letters": "DeadLetterQueue"}
# What an event source does under the role of its function; the store calls none of it.
TAKING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# What each function calls, as the test `permissions` observed it; and what Lambda does under a role besides.
OPERATIONS = INFRA / "operations.json"
PLATFORM = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# A transaction needs the actions it is made of.
MADE_OF = {"dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}}
# A tag needs a right of its own, and a missing object is only said to be missing to who may list.
COMES_WITH = {"s3:PutObject": {"s3:PutObject", "s3:PutObjectTagging"}, "s3:GetObject": {"s3:GetObject", "s3:ListBucket"}}
# Seconds: what the gateway waits at most, what Lambda allows, what is left to the api after its answer at least.
GATEWAY, LONGEST = 30, 900
AFTER_ANSWER = {"HttpApi": 60, "FunctionUrl": 10}
DAY = 86400

failed = 0
said = set()


def check(what, holds, seen=""):
    """One line for one rule; `seen` is the value that decided it. What holds for each front is said once."""
    global failed
    failed += not holds
    line = f"{'ok  ' if holds else 'FAIL'} {what}" + (f": {seen}" if seen != "" else "")
    if not holds or line not in said:
        print(line)
    said.add(line)


def expand(template, **chosen):
    """The plain CloudFormation that AWS makes of the template with these parameters, the others at their defaults.

    Local code has no address yet, so it gets one. Conditions are decided, parameters and maps looked up.
    """
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    parameters = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p} | chosen
    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # it would publish its own use; nothing is called
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    plain = translator.translate(sam_template=template, parameter_values=parameters)
    decided = Decided(plain, parameters)
    there = {n: r for n, r in plain["Resources"].items() if "Condition" not in r or decided.holds(r["Condition"])}
    return {"Resources": decided.value(there), "Outputs": decided.value(plain["Outputs"])}


class Decided:
    """Values of a template under given parameters; what only AWS knows is left as it stands."""

    def __init__(self, template, parameters):
        self.conditions, self.mappings, self.parameters = template["Conditions"], template["Mappings"], parameters

    def holds(self, condition):
        return self.true(self.conditions[condition])

    def true(self, rule):
        if "Fn::Not" in rule:
            return not self.true(rule["Fn::Not"][0])
        left, right = self.value(rule["Fn::Equals"])
        return left == right

    def value(self, node):
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        (name, argument), *more = node.items() or [(None, None)]
        if more or name is None:
            return {key: self.value(item) for key, item in node.items()}
        if name == "Ref" and argument in self.parameters:
            return self.parameters[argument]
        if name == "Fn::Split":
            separator, text = self.value(argument)
            return text.split(separator) if isinstance(text, str) else {name: [separator, text]}
        if name == "Fn::FindInMap":
            table, row, column = self.value(argument)
            return self.mappings[table][row][column]
        if name == "Fn::If":
            condition, then, otherwise = argument
            return self.value(then if self.holds(condition) else otherwise)
        return {name: self.value(argument)}


def of_type(template, kind):
    found = {n: r for n, r in template["Resources"].items() if r["Type"] == kind}
    return {n: r.get("Properties", {}) for n, r in found.items()}


def logical(value):
    """The resource that a Ref or GetAtt names."""
    if isinstance(value, dict) and "Ref" in value:
        return value["Ref"]
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        target = value["Fn::GetAtt"]
        return (target.split(".") if isinstance(target, str) else target)[0]
    return None


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(role):
    return [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]


def roles_of_functions(template):
    """Function to what its role allows, as pairs of an action and a resource."""
    roles = of_type(template, "AWS::IAM::Role")
    return {
        name: [(a, r) for s in statements(roles[logical(f["Role"])]) for a in listed(s["Action"]) for r in listed(s["Resource"])]
        for name, f in of_type(template, "AWS::Lambda::Function").items()
    }


def check_lint():
    lint = [sys.executable, "-c", "from cfnlint.runner.cli import main; main()", str(TEMPLATE)]
    done = subprocess.run(lint, capture_output=True, text=True)
    check("cfn-lint has nothing to say", done.returncode == 0, (done.stdout + done.stderr).strip())


def check_functions(template):
    functions = of_type(template, "AWS::Lambda::Function")
    check("the functions", sorted(functions) == FUNCTIONS, ", ".join(sorted(functions)))
    groups = of_type(template, "AWS::Logs::LogGroup")
    roles = [logical(f["Role"]) for f in functions.values()]
    check("a role of its own for each function", len(set(roles)) == len(roles) and None not in roles, ", ".join(map(str, roles)))
    for name, function in functions.items():
        runtime = (function["Runtime"], function["Handler"])
        check(f"{name}: runtime and handler", runtime == ("provided.al2023", "bootstrap"), " ".join(runtime))
        group = logical(function["LoggingConfig"]["LogGroup"])
        check(f"{name}: logs to a group of this template", group in groups, group)
    for name, group in groups.items():
        check(f"{name}: retention is set", "RetentionInDays" in group)


def check_variables(template):
    """Each function gets what `environment.rs` reads, no more and no less; four are safe on one's own machine alone."""
    source = ENVIRONMENT.read_text().split("#[cfg(test)]")[0]
    read = set(re.findall(r'"(MILLRACE_\w+)"', source))
    check("variables for the local cloud alone", LOCAL_ONLY <= read, ", ".join(sorted(LOCAL_ONLY)))
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        names = set(function["Environment"]["Variables"])
        missing, unknown = sorted(read - LOCAL_ONLY - names), sorted(names - read)
        check(f"{name}: every variable is set", not missing, ", ".join(missing) or len(names))
        check(f"{name}: every variable is read", not unknown, ", ".join(unknown))
        check(f"{name}: none that is for the local cloud alone", not names & LOCAL_ONLY)


def check_front(template, front):
    """One way in, and an answer before it gives up."""
    api = of_type(template, "AWS::Lambda::Function")["Api"]
    timeout, sync = api["Timeout"], api["Environment"]["Variables"]["MILLRACE_SYNC_SECONDS"]
    gateways, urls = of_type(template, "AWS::ApiGatewayV2::Api"), of_type(template, "AWS::Lambda::Url")
    ways = {"HttpApi": (1, 0), "FunctionUrl": (0, 1)}
    check("one way in", (len(gateways), len(urls)) == ways[front], ", ".join([*gateways, *urls]))
    waits = timeout
    if front == "HttpApi":
        waits = check_gateway(template)
    else:
        check_url(urls, permissions_of("*", template))
    check("answered before the caller is given up", sync < waits, f"{sync} s < {waits:g} s")
    check("time is left after the answer", sync + AFTER_ANSWER[front] <= timeout <= LONGEST, f"{timeout - sync} s")
    check("the address is an output", logical_in(template["Outputs"]["ApiUrl"]["Value"]) <= {*gateways, *urls})


def check_gateway(template):
    """How long it waits, seconds."""
    (gateway,) = of_type(template, "AWS::ApiGatewayV2::Api").values()
    check("no CORS", "CorsConfiguration" not in gateway)
    (integration,) = of_type(template, "AWS::ApiGatewayV2::Integration").values()
    reached = (integration["PayloadFormatVersion"], logical(integration["IntegrationUri"]))
    check("the gateway calls the api in payload format 2.0", reached == ("2.0", "Api"), " ".join(reached))
    routes = [r["RouteKey"] for r in of_type(template, "AWS::ApiGatewayV2::Route").values()]
    check("one route", routes == ["$default"], ", ".join(routes))
    stages = [s["StageName"] for s in of_type(template, "AWS::ApiGatewayV2::Stage").values()]
    check("the stage adds nothing to paths", stages == ["$default"], ", ".join(stages))
    (permission,) = permissions_of("apigateway.amazonaws.com", template)
    check("no other gateway may call", "${HttpApi}/" in permission["SourceArn"]["Fn::Sub"], permission["SourceArn"]["Fn::Sub"])
    check("nobody else may call", not permissions_of("*", template))
    wait = integration["TimeoutInMillis"] / 1000
    check("the gateway waits as long as it can", wait == GATEWAY, f"{wait:g} s")
    return wait


def check_url(urls, permissions):
    (url,) = urls.values()
    check("the keys are the api's own", (logical(url["TargetFunctionArn"]), url["AuthType"]) == ("Api", "NONE"), url["AuthType"])
    check("answers are whole", url.get("InvokeMode", "BUFFERED") == "BUFFERED")
    check("no CORS", "Cors" not in url)
    # Anybody may call, but the api alone and through this address alone.
    limits = ("FunctionUrlAuthType", "InvokedViaFunctionUrl")
    seen = {p["Action"]: (logical(p["FunctionName"]), *map(p.get, limits)) for p in permissions}
    wanted = {"lambda:InvokeFunctionUrl": ("Api", "NONE", None), "lambda:InvokeFunction": ("Api", None, True)}
    check("anybody may call the address, and nothing but it", seen == wanted, ", ".join(seen))


def permissions_of(principal, template):
    return [p for p in of_type(template, "AWS::Lambda::Permission").values() if p["Principal"] == principal]


def logical_in(value):
    """The resources that a value refers to by Ref, GetAtt or Sub."""
    found = re.findall(r"'(?:Ref|Fn::GetAtt)': \[?'(\w+)|https://\$\{(\w+)\}\.execute", str(value))
    return {one or other for one, other in found}


def check_schedule(template):
    functions = of_type(template, "AWS::Lambda::Function")
    (rule,) = of_type(template, "AWS::Events::Rule").values()
    (target,) = rule["Targets"]
    check("the sweeper runs every minute", (rule["ScheduleExpression"], logical(target["Arn"])) == ("rate(1 minute)", "Sweeper"))
    check("the schedule is on", rule.get("State", "ENABLED") == "ENABLED")
    timeout = functions["Sweeper"]["Timeout"]
    check("a sweep ends before the next", timeout < 60, f"{timeout} s")
    (asynchronous,) = of_type(template, "AWS::Lambda::EventInvokeConfig").values()
    for what, policy in (("delivered", target["RetryPolicy"]), ("run", asynchronous)):
        seen = (policy["MaximumRetryAttempts"], policy["MaximumEventAgeInSeconds"])
        check(f"a sweep is {what} now or not at all", seen == (0, 60), "{} retries, {} s".format(*seen))
    (permission,) = permissions_of("events.amazonaws.com", template)
    starts, rules = logical(permission["FunctionName"]), of_type(template, "AWS::Events::Rule")
    check("no other rule may start it", (starts, logical(permission["SourceArn"])) == ("Sweeper", *rules), *rules)


def check_queues(template):
    queues = of_type(template, "AWS::SQS::Queue")
    policies = list(of_type(template, "AWS::SQS::QueuePolicy").values())
    others = [s for p in policies for s in p["PolicyDocument"]["Statement"] if s["Effect"] != "Deny"]
    check("queue policies allow nothing", not others)
    for name, queue in queues.items():
        check(f"{name}: encrypted", queue.get("SqsManagedSseEnabled") is True or "KmsMasterKeyId" in queue)
        statements = [s for p in policies if name in map(logical, p["Queues"]) for s in p["PolicyDocument"]["Statement"]]
        check(f"{name}: refuses what is not TLS", any(is_tls_only(s, name) for s in statements))
    for name, queue in queues.items():
        if "RedrivePolicy" not in queue:
            continue
        redrive = queue["RedrivePolicy"]
        dead = queues[logical(redrive["deadLetterTargetArn"])]
        check(f"{name}: receives before a dead letter >= 5", redrive["maxReceiveCount"] >= 5, redrive["maxReceiveCount"])
        kept = dead["MessageRetentionPeriod"]
        check("dead letters are kept for 14 days", kept == 14 * DAY, f"{kept / DAY:g} days")
        check("messages end before dead letters do", queue["MessageRetentionPeriod"] < kept)


def is_tls_only(statement, queue):
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == "sqs:*"
        and logical(statement["Resource"]) == queue
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    )


def check_bucket(template):
    (bucket,) = of_type(template, "AWS::S3::Bucket").values()
    check("bucket: private", set(bucket["PublicAccessBlockConfiguration"].values()) == {True})
    owner = [r["ObjectOwnership"] for r in bucket["OwnershipControls"]["Rules"]]
    check("bucket: no access lists", owner == ["BucketOwnerEnforced"], *owner)
    rules = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    check("bucket: encrypted", all(r["ServerSideEncryptionByDefault"]["SSEAlgorithm"] for r in rules) and bool(rules))
    (policy,) = of_type(template, "AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    whole = statement["Action"] == "s3:*" and len(statement["Resource"]) == 2
    denied = (statement["Effect"], statement["Principal"], statement["Condition"])
    tls = denied == ("Deny", "*", {"Bool": {"aws:SecureTransport": "false"}})
    check("bucket: refuses what is not TLS, and its policy allows nothing", whole and tls)
    tag = re.search(r'PASSING: &str = "(\S+)=(\S+)"', (STORE / "bucket.rs").read_text()).groups()
    passing = [r for r in bucket["LifecycleConfiguration"]["Rules"] if "TagFilters" in r]
    tags = [(t["Key"], t["Value"]) for r in passing for t in r["TagFilters"]]
    check("bucket: what belongs to tasks goes, by the store's tag", tags == [tag], "=".join(tag))
    retention = yaml_parse(TEMPLATE.read_text())["Parameters"]["RetentionDays"]["Default"]
    days = passing[0]["ExpirationInDays"]
    check("bucket: and not before its task", days >= retention + 2, f"{days} days, tasks {retention}")
    (kept,) = [r.get("DeletionPolicy") for r in template["Resources"].values() if r["Type"] == "AWS::S3::Bucket"]
    check("bucket: outlives the stack", kept in ("Retain", "RetainExceptOnCreate"), kept)


def check_key(template):
    (key,) = of_type(template, "AWS::KMS::Key").values()
    check("key of secrets: rotated", key["EnableKeyRotation"] is True)
    (statement,) = key["KeyPolicy"]["Statement"]
    owner = statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    check("key of secrets: the account's own policies decide", owner and statement["Effect"] == "Allow")
    (kept,) = [r.get("DeletionPolicy") for r in template["Resources"].values() if r["Type"] == "AWS::KMS::Key"]
    check("key of secrets: outlives the stack, as what it opens does", kept in ("Retain", "RetainExceptOnCreate"), kept)


def check_event_sources(template):
    functions, queues = of_type(template, "AWS::Lambda::Function"), of_type(template, "AWS::SQS::Queue")
    sources = of_type(template, "AWS::Lambda::EventSourceMapping")
    takers = {logical(s["EventSourceArn"]): logical(s["FunctionName"]) for s in sources.values()}
    check("every queue has its taker", takers == TAKERS and len(sources) == len(TAKERS), ", ".join(sources))
    for name, source in sources.items():
        function = functions[logical(source["FunctionName"])]
        visibility = queues[logical(source["EventSourceArn"])].get("VisibilityTimeout", 30)
        times = visibility / function["Timeout"]
        check(f"{name}: visibility >= 6 x timeout", times >= 6, f"{visibility} s = {times:g} x {function['Timeout']} s")
        check(f"{name}: partial batch responses", source.get("FunctionResponseTypes") == ["ReportBatchItemFailures"])
        check(f"{name}: batches of ten, not gathered", (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (10, 0))
        check(f"{name}: concurrency is bounded", "MaximumConcurrency" in source.get("ScalingConfig", {}))


def check_table(template):
    """Keys, indexes and time-to-live equal the constants of the store's schema."""
    source = SCHEMA.read_text()
    constant = dict(re.findall(r'pub const (\w+): &str = "(\w+)";', source))
    indexes = re.findall(r'Index \{ name: "(\w+)", pk: "(\w+)", sk: "(\w+)" \}', source)
    (table,) = of_type(template, "AWS::DynamoDB::Table").values()
    check("table: key", keys(table) == (constant["PK"], constant["SK"]), " ".join(keys(table)))
    found = sorted((i["IndexName"], *keys(i)) for i in table["GlobalSecondaryIndexes"])
    check("table: indexes", found == sorted(indexes) != [], "; ".join(" ".join(i) for i in found))
    projections = {i["Projection"]["ProjectionType"] for i in table["GlobalSecondaryIndexes"]}
    check("table: indexes hold keys only", projections == {"KEYS_ONLY"})
    attributes = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    wanted = {constant["PK"], constant["SK"], *(k for _, *names in indexes for k in names)}
    check("table: all keys are strings", attributes == dict.fromkeys(wanted, "S"), len(attributes))
    ttl = table["TimeToLiveSpecification"]
    check("table: time-to-live", ttl == {"AttributeName": constant["EXPIRES"], "Enabled": True}, ttl["AttributeName"])
    check("table: on demand", table["BillingMode"] == "PAY_PER_REQUEST")
    check("table: point-in-time recovery", table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True)
    check("table: encrypted under a key with a trail", table["SSESpecification"]["SSEEnabled"] is True)
    (kept,) = [r.get("DeletionPolicy") for r in template["Resources"].values() if r["Type"] == "AWS::DynamoDB::Table"]
    check("table: outlives the stack", kept in ("Retain", "RetainExceptOnCreate"), kept)


def keys(described):
    return tuple(k["AttributeName"] for kind in ("HASH", "RANGE") for k in described["KeySchema"] if k["KeyType"] == kind)


def check_roles(template):
    """No star in what a role allows. The stars that stand are the TLS-only Deny, a log group's own streams and a bucket's own
    objects."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        check(f"{name}: no managed policy", not role.get("ManagedPolicyArns"))
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        check(f"{name}: assumed by Lambda alone", trust["Principal"] == {"Service": "lambda.amazonaws.com"})
        actions = [a for s in statements(role) for a in listed(s["Action"])]
        check(f"{name}: no star in actions", not any("*" in a for a in actions), f"{len(actions)} actions")
        objects = {"Fn::Sub": "${Bucket.Arn}/*"}
        resources = [str(r) for s in statements(role) for r in listed(s["Resource"]) if r != objects]
        check(f"{name}: no star in resources", not any("*" in r for r in resources), f"{len(resources)} resources")
        denied = [s for s in statements(role) if s["Effect"] != "Allow" or "NotAction" in s or "NotResource" in s]
        check(f"{name}: says only what is allowed", not denied)


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
    named = {"Table": "table", "Bucket": "bucket", "SecretsKey": "key"} | {queue: kind for kind, queue in QUEUES.items()}
    return index[1] if index else named.get(logical(resource), str(resource))


def check_services(template):
    """What flows may call under a function's own role: what the operator names, and by default nothing."""
    check("by default flows call nothing under a role", not of_type(template, "AWS::IAM::Policy"))
    named = {"BedrockModels": "arn:bedrock:one,arn:bedrock:two", "VectorIndexes": "arn:s3vectors:one"}
    policies = of_type(expand(yaml_parse(TEMPLATE.read_text()), **named), "AWS::IAM::Policy")
    found = {}
    for name, policy in policies.items():
        (statement,) = policy["PolicyDocument"]["Statement"]
        holders = sorted(map(logical, policy["Roles"]))
        check(f"{name}: for the functions that run flows", holders == ["ApiRole", "WorkerRole"], ", ".join(holders))
        check(f"{name}: says only what is allowed", statement["Effect"] == "Allow")
        found |= {action: statement["Resource"] for action in listed(statement["Action"])}
    calls = {f"s3vectors:{call}" for call in re.findall(r'\.ask\(cx, "(\w+)"', VECTORS.read_text())}
    wanted = dict.fromkeys(calls, ["arn:s3vectors:one"]) | {"bedrock:InvokeModel": ["arn:bedrock:one", "arn:bedrock:two"]}
    check("what is allowed is what components call, on what is named", found == wanted, ", ".join(sorted(found)))


def called_by_store():
    """The actions that the store's calls of the SDKs need: `self.sqs().send_message()` is `sqs:SendMessage`."""
    source = "\n".join(p.read_text() for p in sorted(STORE.rglob("*.rs")))
    calls = re.findall(r"\.(dynamodb|sqs)\(\)\s*\.(\w+)\(\)", source)
    calls += [("kms", call) for call in re.findall(r"\bclient\s*\.(\w+)\(\)", (STORE / "seal/master.rs").read_text())]
    calls += [("s3", call) for call in re.findall(r"\bclient\s*\.(\w+)\(\)", (STORE / "bucket.rs").read_text())]
    actions = {f"{service}:{call.title().replace('_', '')}" for service, call in calls}
    return set().union(*((MADE_OF | COMES_WITH).get(action, {action}) for action in actions))


def main():
    check_lint()
    for front in ("HttpApi", "FunctionUrl"):
        print(f"-- Front={front}")
        template = expand(yaml_parse(TEMPLATE.read_text()), Front=front)
        check_front(template, front)
        for rules in (
            check_functions,
            check_variables,
            check_schedule,
            check_queues,
            check_event_sources,
            check_table,
            check_bucket,
            check_key,
            check_roles,
            check_rights,
            check_operations,
            check_services,
        ):
            rules(template)
    print(f"{failed} of the rules do not hold" if failed else "template.yaml holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
