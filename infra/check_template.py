#!/usr/bin/env python3
"""Checks template.yaml: cfn-lint, then what must not slip, on the template as SAM expands it.

usage: check_template.py        needs: cfn-lint, aws-sam-translator
Prints a line for each thing checked; ends with 1 if any of them does not hold.
"""
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
SCHEMA = INFRA.parent / "crates/store/src/schema.rs"
SOURCES = ("crates", "functions")
LOCAL_ONLY = {"MILLRACE_ALLOW_LOOPBACK", "MILLRACE_PLAIN_KEYS"}
DAY = 86400

failed = 0


def check(what, holds, seen=""):
    """One line for one rule; `seen` is the value that decided it."""
    global failed
    failed += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {what}" + (f": {seen}" if seen != "" else ""))


def expand(template):
    """The plain CloudFormation that SAM makes of the template. Local code has no address yet, so it gets one."""
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    defaults = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    return translator.translate(sam_template=template, parameter_values=defaults)


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


def check_lint():
    lint = [sys.executable, "-c", "from cfnlint.runner.cli import main; main()", str(TEMPLATE)]
    done = subprocess.run(lint, capture_output=True, text=True)
    check("cfn-lint has nothing to say", done.returncode == 0, (done.stdout + done.stderr).strip())


def check_functions(template):
    functions = of_type(template, "AWS::Lambda::Function")
    check("the functions", sorted(functions) == ["Api", "Worker"], ", ".join(sorted(functions)))
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
    """A variable that no source reads would be set for nothing; two are safe on one's own machine alone."""
    root = INFRA.parent
    sources = "\n".join(p.read_text() for room in SOURCES for p in (root / room).rglob("*.rs"))
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        names = set(function["Environment"]["Variables"])
        unread = sorted(n for n in names if f'"{n}"' not in sources)
        check(f"{name}: every variable is read somewhere", not unread, ", ".join(unread) or len(names))
        check(f"{name}: none that is for the local cloud alone", not names & LOCAL_ONLY)


def check_api(template):
    functions = of_type(template, "AWS::Lambda::Function")
    (api,) = of_type(template, "AWS::ApiGatewayV2::Api").values()
    integrations = [m["x-amazon-apigateway-integration"] for path in api["Body"]["paths"].values() for m in path.values()]
    check("payload format 2.0", all(i["payloadFormatVersion"] == "2.0" for i in integrations), len(integrations))
    wait = min(i["timeoutInMillis"] for i in integrations) / 1000
    timeout = functions["Api"]["Timeout"]
    check("the api ends before the gateway gives up", timeout < wait <= 30, f"{timeout} s < {wait:g} s")
    check("no CORS", "CorsConfiguration" not in api and "x-amazon-apigateway-cors" not in api["Body"])
    stages = [s["StageName"] for s in of_type(template, "AWS::ApiGatewayV2::Stage").values()]
    check("the stage adds nothing to paths", stages == ["$default"], ", ".join(stages))


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


def check_event_sources(template):
    functions, queues = of_type(template, "AWS::Lambda::Function"), of_type(template, "AWS::SQS::Queue")
    sources = of_type(template, "AWS::Lambda::EventSourceMapping")
    check("event sources", len(sources) == 1, ", ".join(sources))
    for name, source in sources.items():
        function = functions[logical(source["FunctionName"])]
        visibility = queues[logical(source["EventSourceArn"])]["VisibilityTimeout"]
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
    """No star in what a role allows. The stars that stand are the TLS-only Deny and a log group's own streams."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        check(f"{name}: no managed policy", not role.get("ManagedPolicyArns"))
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        check(f"{name}: assumed by Lambda alone", trust["Principal"] == {"Service": "lambda.amazonaws.com"})
        statements = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
        actions = [a for s in statements for a in listed(s["Action"])]
        check(f"{name}: no star in actions", not any("*" in a for a in actions), f"{len(actions)} actions")
        resources = [str(r) for s in statements for r in listed(s["Resource"])]
        check(f"{name}: no star in resources", not any("*" in r for r in resources), f"{len(resources)} resources")
        open_index = any("index/open" in r for r in resources)
        check(f"{name}: cannot read the index that crosses tenants", not open_index)
        denied = [s for s in statements if s["Effect"] != "Allow" or "NotAction" in s or "NotResource" in s]
        check(f"{name}: says only what is allowed", not denied)


def main():
    check_lint()
    template = expand(yaml_parse(TEMPLATE.read_text()))
    for rules in (check_functions, check_variables, check_api, check_queues, check_event_sources, check_table, check_roles):
        rules(template)
    print(f"{failed} of the rules do not hold" if failed else "template.yaml holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
