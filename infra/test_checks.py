#!/usr/bin/env python3
"""Checks the checks: breaks the expanded template in one way for each rule, and each time that rule must say so.

usage: test_checks.py           needs: aws-sam-translator
A rule that cannot fail is worth nothing. Ends with 1 if one of them lets its breakage pass.
"""
import copy
import sys

from check_template import RULES
from checks.expanded import expand
from checks.report import failures

HTTP_API = {"Front": "HttpApi", "Tracing": "Active", "AlarmEmail": "someone@example.com"}
FUNCTION_URL = {"Front": "FunctionUrl"}


def at(*path):
    """Sets what stands at a path from the resources on: names and indexes, the value last."""
    *way, last, value = path

    def broken(template):
        node = template["Resources"]
        for step in way:
            node = node[step]
        if value is GONE:
            del node[last]
        else:
            node[last] = value

    return broken


def of(name, *path):
    return at(name, "Properties", *path)


GONE = object()
LETTERS, SHARE = ("DeadLettersAlarm", "Metrics"), ("TaskFailuresAlarm", "Metrics")


def statement(role, number, part, value):
    return of(role, "Policies", 0, "PolicyDocument", "Statement", number, part, value)


def variable(name, value):
    return of("Worker", "Environment", "Variables", name, value)


def widget(row):
    """Puts a row into the first graph of the dashboard."""

    def broken(template):
        properties = template["Resources"]["Dashboard"]["Properties"]
        text = properties["DashboardBody"]["Fn::Sub"]
        properties["DashboardBody"] = {"Fn::Sub": text.replace('"metrics": [', f'"metrics": [{row},', 1)}

    return broken


def source(*path):
    """The same as `at`, in the template as it is written."""

    def broken(template):
        at(*path)({"Resources": template["Source"]})

    return broken


# What the line that fails begins with, and the breakage.
BREAKAGES = [
    ("parameter Prices: described", source("Parameters", "Prices", "Description", "")),
    ("parameter Spare: described", source("Parameters", "Spare", {"Description": "Used by nothing at all.", "Default": 1})),
    ("secrets are hidden in the stack", source("Parameters", "OtlpHeaders", "NoEcho", GONE)),
    ("README.md: a row for each parameter", source("Parameters", "TaskBudget", "Default", 5)),
    ("samconfig.toml: names parameters that exist", source("Parameters", "Architecture", GONE)),
    ("outputs", lambda template: template["Outputs"].pop("QueueUrl")),
    ("the functions", at("Sweeper", GONE)),
    ("Api: runtime and handler", of("Api", "Runtime", "provided.al2")),
    ("a role of its own for each function", of("Sweeper", "Role", {"Fn::GetAtt": ["WorkerRole", "Arn"]})),
    ("answered before the caller is given up", of("Api", "Environment", "Variables", "MILLRACE_SYNC_SECONDS", 30)),
    ("time is left after the answer", of("Api", "Timeout", 60)),
    ("one route", of("HttpApiRoute", "RouteKey", "GET /")),
    ("HttpApiPermission: no star outside", of("HttpApiPermission", "Principal", "*")),
    ("Worker: every variable is set", variable("MILLRACE_TABLE", GONE)),
    ("Worker: every variable is set", variable("OTEL_EXPORTER_OTLP_ENDPOINT", GONE)),
    ("Worker: every variable is read", variable("MILLRACE_TABEL", "millrace")),
    ("Worker: none that is for the local cloud alone", variable("MILLRACE_ALLOW_LOOPBACK", "true")),
    ("a sweep ends before the next", of("Sweeper", "Timeout", 61)),
    ("the sweeper runs every minute", of("SweeperEveryMinute", "ScheduleExpression", "rate(5 minutes)")),
    ("WorkerTasks: visibility >= 6 x timeout", of("Queue", "VisibilityTimeout", 100)),
    ("Queue: receives before a dead letter >= 5", of("Queue", "RedrivePolicy", "maxReceiveCount", 2)),
    ("DeadLetterQueue: encrypted", of("DeadLetterQueue", "SqsManagedSseEnabled", False)),
    ("Queue: refuses what is not TLS", of("QueuePolicy", "PolicyDocument", "Statement", 0, "Condition", {})),
    ("dead letters are kept for 14 days", of("DeadLetterQueue", "MessageRetentionPeriod", 86400)),
    ("WorkerTasks: partial batch responses", of("WorkerTasks", "FunctionResponseTypes", GONE)),
    ("WorkerTasks: concurrency is bounded", of("WorkerTasks", "ScalingConfig", GONE)),
    ("WorkerTasks: batches of ten", of("WorkerTasks", "BatchSize", 1)),
    ("every queue has its taker", at("SweeperDeadLetters", GONE)),
    ("table: on demand", of("Table", "BillingMode", "PROVISIONED")),
    ("table: time-to-live", of("Table", "TimeToLiveSpecification", "AttributeName", "ttl")),
    ("table: point-in-time recovery", of("Table", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled", False)),
    ("table: encrypted", of("Table", "SSESpecification", "SSEEnabled", False)),
    ("table: indexes", of("Table", "GlobalSecondaryIndexes", 0, "IndexName", "openly")),
    ("table: outlives the stack", at("Table", "DeletionPolicy", "Delete")),
    ("bucket: private", of("Bucket", "PublicAccessBlockConfiguration", "BlockPublicAcls", False)),
    ("bucket: refuses what is not TLS", of("BucketPolicy", "PolicyDocument", "Statement", 0, "Condition", {})),
    ("bucket: what belongs to tasks goes", of("Bucket", "LifecycleConfiguration", "Rules", 0, "TagFilters", 0, "Value", "never")),
    ("key of secrets: rotated", of("SecretsKey", "EnableKeyRotation", False)),
    ("ApiRole: no managed policy", of("ApiRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"])),
    ("ApiRole: assumed by Lambda alone", of("ApiRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal", {"AWS": "*"})),
    ("WorkerRole: no star outside the platform set", statement("WorkerRole", 0, "Resource", "*")),
    ("WorkerRole: no star outside the platform set", statement("WorkerRole", 0, "Action", "dynamodb:*")),
    ("DeadLetterQueuePolicy: no star outside", of("DeadLetterQueuePolicy", "PolicyDocument", "Statement", 0, "Resource", "*")),
    ("WorkerRole: says only what is allowed", statement("WorkerRole", 0, "Effect", "Deny")),
    ("what the store calls is allowed", lambda template: drop_action(template, "dynamodb:Query")),
    ("what is allowed is called", statement("ApiRole", 2, "Action", "sqs:PurgeQueue")),
    ("Worker: what it calls is allowed", lambda template: drop_action(template, "sqs:ChangeMessageVisibility")),
    ("Worker: what is allowed was called", lambda template: add_action(template, "WorkerRole", "dynamodb:BatchGetItem")),
    ("Sweeper: its event source may take", lambda template: drop_action(template, "sqs:GetQueueAttributes")),
    ("index open: who may query it", statement("ApiRole", 1, "Resource", {"Fn::Sub": "${Table.Arn}/index/open"})),
    ("who makes data keys", statement("WorkerRole", 4, "Action", ["kms:GenerateDataKey", "kms:Decrypt"])),
    ("what else is allowed is what is named", of("TracingPolicy", "PolicyDocument", "Statement", 0, "Action", "s3vectors:PutVectors")),
    ("every function traces", of("Worker", "TracingConfig", "Mode", "PassThrough")),
    ("a log group for each function", at("SweeperLogGroup", GONE)),
    ("WorkerLogGroup: retention is set", of("WorkerLogGroup", "RetentionInDays", GONE)),
    ("an alarm for each thing to watch", at("ApiErrorsAlarm", GONE)),
    ("ApiErrorsAlarm: its metrics exist", of("ApiErrorsAlarm", "MetricName", "Crashes")),
    ("ApiErrorsAlarm: its metrics exist", of("ApiErrorsAlarm", "Dimensions", 0, "Value", {"Ref": "Queue"})),
    ("TaskFailuresAlarm: its metrics exist", of(*SHARE, 2, "MetricStat", "Metric", "MetricName", "TasksFailed")),
    ("TaskFailuresAlarm: its metrics exist", of(*SHARE, 2, "MetricStat", "Metric", "Namespace", "Mill")),
    ("TaskFailuresAlarm: its metrics exist", of(*SHARE, 1, "MetricStat", "Metric", "Dimensions", [{"Name": "State", "Value": "done"}])),
    ("TaskFailuresAlarm: its expression", of(*SHARE, 0, "Expression", "100 * failed / tasks")),
    ("DeadLettersAlarm: a period", of(*LETTERS, 1, "MetricStat", "Period", 60)),
    ("one dead letter is one too many", of("DeadLettersAlarm", "Threshold", 1)),
    ("OldestMessageAlarm: silence is no alarm", of("OldestMessageAlarm", "TreatMissingData", "breaching")),
    ("OldestMessageAlarm: tells whoever is named", of("OldestMessageAlarm", "AlarmActions", [])),
    ("the topic is for this account", of("AlarmMailPolicy", "PolicyDocument", "Statement", 0, "Principal", "*")),
    ("a topic for an address", at("AlarmMail", GONE)),
    ("dashboard: its metrics exist", widget('["Millrace", "Tasks", "State", "done"]')),
    ("dashboard: its metrics exist", widget('["AWS/Lambda", "Errors", "FunctionName", "${Apy}"]')),
    ("dashboard: its metrics exist", widget('["Millrace", "Dwelling"]')),
    ("dashboard: shows all", lambda template: drop_from_dashboard(template, '["Millrace", "Retries"]')),
    ("check_dashboard could be applied", widget("[")),
]
# The same for what only a Function URL has.
BREAKAGES_OF_URL = [
    ("the keys are the api's own", of("ApiUrl", "AuthType", "AWS_IAM")),
    ("answers are whole", of("ApiUrl", "InvokeMode", "RESPONSE_STREAM")),
    ("anybody may call the address, and nothing but it", of("ApiUrlInvokePermission", "InvokedViaFunctionUrl", GONE)),
    ("ApiUrlErrorsAlarm: its metrics exist", of("ApiUrlErrorsAlarm", "MetricName", "5xx")),
]


def drop_action(template, action):
    for role in template["Resources"].values():
        for policy in role.get("Properties", {}).get("Policies", []):
            for one in policy["PolicyDocument"]["Statement"]:
                one["Action"] = [a for a in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"]) if a != action]


def add_action(template, role, action):
    one = template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]
    one["Action"] = [*([one["Action"]] if isinstance(one["Action"], str) else one["Action"]), action]


def drop_from_dashboard(template, row):
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace(f",\n  {row}", "")


def main():
    passed, tried = [], 0
    for variant, breakages in ((HTTP_API, BREAKAGES), (FUNCTION_URL, BREAKAGES_OF_URL)):
        whole = expand(**variant)
        for line in failures(RULES, whole):
            passed.append(f"without a breakage: {line}")
        for expected, breakage in breakages:
            template = copy.deepcopy(whole)
            breakage(template)
            tried += 1
            said = failures(RULES, template)
            if not any(line.startswith(f"FAIL {expected}") for line in said):
                passed.append(f"not noticed: {expected} ({'; '.join(said) or 'nothing was said'})")
    print("\n".join(passed) if passed else f"each of {tried} breakages is noticed by the rule that it is for")
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
