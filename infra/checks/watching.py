"""Logs, alarms, dashboard: that they look at what exists."""
import json
import re

from checks.expanded import ROOT, logical, of_type
from checks.report import check

RUNNER = ROOT / "crates/runner/src"
LAMBDA = {"Errors", "Throttles", "Invocations", "Duration", "ConcurrentExecutions"}
URL = {"UrlRequestCount", "Url4xxCount", "Url5xxCount", "UrlRequestLatency"}
UNITS = {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"}
MESSAGES = {f"ApproximateNumberOfMessages{which}" for which in ("Visible", "NotVisible")} | {"NumberOfMessagesReceived"}
# Metrics of AWS: by namespace, those that are used here, their dimension and what it names.
OF_AWS = {
    "AWS/Lambda": (LAMBDA | URL, "FunctionName", "AWS::Lambda::Function"),
    "AWS/SQS": (MESSAGES | {"ApproximateAgeOfOldestMessage"}, "QueueName", "AWS::SQS::Queue"),
    "AWS/DynamoDB": (UNITS, "TableName", "AWS::DynamoDB::Table"),
    "AWS/ApiGateway": ({"Count", "4xx", "5xx", "Latency"}, "ApiId", "AWS::ApiGatewayV2::Api"),
}
# What must raise an alarm: the metrics with what they are about.
WATCHED = {
    "dead letters": {("ApproximateNumberOfMessagesVisible", "DeadLetterQueue"), ("NumberOfMessagesReceived", "DeadLetterQueue")},
    "the oldest message": {("ApproximateAgeOfOldestMessage", "Queue")},
    **{f"{what} of {name}": {(what, name)} for what in ("Errors", "Throttles") for name in ("Api", "Worker", "Sweeper")},
    "throttles of the table": {("ReadThrottleEvents", "Table"), ("WriteThrottleEvents", "Table")},
}
FRONTS = {"HttpApi": {("5xx", "HttpApi")}, "FunctionUrl": {("Url5xxCount", "Api")}}
FAILURES = {("Tasks", None), ("FailedTasks", None)}
PERIOD = 300  # seconds


def own_metrics():
    """What the runner writes: the names, each with the sets of dimensions that it is counted by."""
    text = (RUNNER / "metrics.rs").read_text()
    constants = dict(re.findall(r'pub const (\w+): &str = "(\w+)";', text))
    tasks = re.search(r"TASK_METRICS.*?= &\[(.*?)\];", text, re.DOTALL)[1]
    names = {"TASK_METRICS": re.findall(r'\("(\w+)", "\w+"\)', tasks)} | {k: [v] for k, v in constants.items()}
    found = {}
    for sets, constant in re.findall(r"dimensions\(namespace, json!\((\[.*?\])\), (?:&\[\()?(\w+)", text):
        dimensions = [frozenset(one) for one in json.loads(sets)]
        found |= {name: dimensions for name in names[constant]}
    return found


def values_of_dimensions():
    """What stands in the dimensions: the states in which tasks end, the functions by their own names."""
    states = re.search(r"impl End \{.*?\n\}", (RUNNER / "ledger.rs").read_text(), re.DOTALL)[0]
    sources = (p.read_text() for p in (ROOT / "functions").glob("*/src/*.rs"))
    starts = [name for text in sources for name in re.findall(r'cold_start\("(\w+)"\)', text)]
    return {"State": set(re.findall(r'=> "(\w+)"', states)), "Function": set(starts)}


def wrong(template, namespace, metric, dimensions):
    """Why there is no such metric, or None. `dimensions` to the logical names of what they name, or to texts."""
    if namespace in OF_AWS:
        names, dimension, kind = OF_AWS[namespace]
        if metric not in names:
            return f"{namespace} has no {metric} that is known here"
        if list(dimensions) != [dimension] or dimensions[dimension] not in of_type(template, kind):
            return f"{metric} is not about a resource of this template"
        return None
    own = own_metrics()
    if not namespace or namespace != template["Parameters"]["MetricsNamespace"]:
        return f"the namespace {namespace} is nobody's"
    if frozenset(dimensions) not in own.get(metric, []):
        return f"the runner writes no {metric} by {sorted(dimensions)}"
    unknown = [value for name, value in dimensions.items() if value not in values_of_dimensions()[name]]
    return f"the runner writes no {metric} of {unknown}" if unknown else None


def metrics_of(alarm):
    """Namespace, metric and dimensions of all that an alarm looks at."""
    about = lambda metric: {d["Name"]: logical(d["Value"]) or d["Value"] for d in metric.get("Dimensions", [])}
    metrics = [alarm] if "MetricName" in alarm else [m["MetricStat"]["Metric"] for m in alarm["Metrics"] if "MetricStat" in m]
    return [(metric["Namespace"], metric["MetricName"], about(metric)) for metric in metrics]


def check_logs(template):
    """Each function has a group of its own, named as nobody else names one, and each group an end."""
    groups = of_type(template, "AWS::Logs::LogGroup")
    functions = of_type(template, "AWS::Lambda::Function")
    used = [logical(f["LoggingConfig"]["LogGroup"]) for f in functions.values()]
    check("a log group for each function, and no other", sorted(used) == sorted(groups), ", ".join(used))
    for name, group in groups.items():
        kept = group.get("RetentionInDays")
        check(f"{name}: retention is set", kept == template["Parameters"]["LogRetentionDays"], f"{kept} days")


def check_alarms(template):
    parameters, alarms = template["Parameters"], of_type(template, "AWS::CloudWatch::Alarm")
    wanted = WATCHED | {"5xx of the front": FRONTS[parameters["Front"]]}
    if parameters["MetricsNamespace"]:
        wanted["the share of failed tasks"] = FAILURES
    seen = {}
    for name, alarm in alarms.items():
        looked_at = metrics_of(alarm)
        reasons = [reason for reason in (wrong(template, *one) for one in looked_at) if reason]
        check(f"{name}: its metrics exist", bool(looked_at) and not reasons, "; ".join(reasons))
        check(f"{name}: silence is no alarm", alarm["TreatMissingData"] == "notBreaching")
        check_expression(name, alarm)
        check_told(name, alarm, template)
        seen[frozenset((metric, next(iter(dimensions.values()), None)) for _, metric, dimensions in looked_at)] = alarm
    missing = sorted(what for what, metrics in wanted.items() if frozenset(metrics) not in seen)
    check("an alarm for each thing to watch, and no other", not missing and len(alarms) == len(wanted), ", ".join(missing) or len(alarms))
    letters = seen.get(frozenset(WATCHED["dead letters"]), {})
    check("one dead letter is one too many", (letters.get("Threshold"), letters.get("EvaluationPeriods")) == (0, 1))


def check_expression(name, alarm):
    """One expression decides, over metrics that the alarm has."""
    metrics = alarm.get("Metrics")
    if metrics is None:
        check(f"{name}: a period of five minutes", alarm["Period"] == PERIOD)
        return
    decides = [m for m in metrics if m.get("ReturnData", True)]
    ids = {m["Id"] for m in metrics} - {m["Id"] for m in decides}
    words = {word for m in decides for word in re.findall(r"\b[a-z]\w*", m.get("Expression", ""))}
    check(f"{name}: its expression is over its own metrics", len(decides) == 1 and words == ids, ", ".join(sorted(words ^ ids)))
    periods = {m["MetricStat"]["Period"] for m in metrics if "MetricStat" in m}
    check(f"{name}: a period of five minutes", periods == {PERIOD})


def check_told(name, alarm, template):
    """Whoever is named hears of it, and nobody else."""
    topics = of_type(template, "AWS::SNS::Topic")
    given = template["Parameters"]["AlarmTopic"]
    wanted = [given] * bool(given) + list(topics)
    told = [logical(action) or action for action in alarm["AlarmActions"]]
    check(f"{name}: tells whoever is named", told == wanted, ", ".join(told) or "nobody")


def check_mail(template):
    """A topic if there is an address, which this account's alarms alone may use."""
    topics = of_type(template, "AWS::SNS::Topic")
    check("a topic for an address, and only then", bool(topics) == bool(template["Parameters"]["AlarmEmail"]), ", ".join(topics) or "none")
    for policy in of_type(template, "AWS::SNS::TopicPolicy").values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        only = statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and statement["Action"] == "sns:Publish"
        mine = statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        check("the topic is for this account's alarms alone", only and mine and list(map(logical, policy["Topics"])) == list(topics))


def check_dashboard(template):
    (dashboard,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]
    widgets = json.loads(body if isinstance(body, str) else body["Fn::Sub"])["widgets"]
    shown, reasons = set(), []
    for widget in widgets:
        for row in widget["properties"]["metrics"]:
            namespace, metric, *rest = [item for item in row if isinstance(item, str)]
            dimensions = {name: re.sub(r"^\$\{(\w+).*\}$", r"\1", value) for name, value in zip(rest[::2], rest[1::2], strict=True)}
            reasons.append(wrong(template, namespace, metric, dimensions))
            shown.add((namespace, metric))
    reasons = [reason for reason in reasons if reason]
    check("dashboard: its metrics exist", bool(shown) and not reasons, "; ".join(reasons) or f"{len(shown)} in {len(widgets)} widgets")
    places = [(w["properties"]["title"], w["x"], w["y"]) for w in widgets]
    check("dashboard: no widget on another", len({place[1:] for place in places}) == len(places))
    namespace = template["Parameters"]["MetricsNamespace"]
    hidden = sorted(set(own_metrics()) - {metric for where, metric in shown if where == namespace} - {"FailedTasks"}) if namespace else []
    check("dashboard: shows all that the runner counts", not hidden, ", ".join(hidden))
