"""The functions: what they are told, where requests come in, what starts them."""
import re

from checks.expanded import ROOT, logical, logical_in, of_type
from checks.report import check

ENVIRONMENT = ROOT / "crates/runner/src/environment.rs"
LOCAL_ONLY = {"MILLRACE_ALLOW_LOOPBACK", "MILLRACE_FILES_ROOT", "MILLRACE_KEY_FILE", "MILLRACE_PLAIN_KEYS"}
FUNCTIONS = ["Api", "Sweeper", "Worker"]
TAKERS = {"Queue": "Worker", "DeadLetterQueue": "Sweeper"}  # who takes messages from which queue
# Seconds: what the gateway waits at most, what Lambda allows, what is left to the api after its answer at least.
GATEWAY, LONGEST = 30, 900
AFTER_ANSWER = {"HttpApi": 60, "FunctionUrl": 10}


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
    read = set(re.findall(r'"((?:MILLRACE|OTEL)_\w+)"', source))
    check("variables for the local cloud alone", LOCAL_ONLY <= read, ", ".join(sorted(LOCAL_ONLY)))
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        names = set(function["Environment"]["Variables"])
        missing, unknown = sorted(read - LOCAL_ONLY - names), sorted(names - read)
        check(f"{name}: every variable is set", not missing, ", ".join(missing) or len(names))
        check(f"{name}: every variable is read", not unknown, ", ".join(unknown))
        check(f"{name}: none that is for the local cloud alone", not names & LOCAL_ONLY)


def check_front(template):
    """One way in, and an answer before it gives up."""
    front = template["Parameters"]["Front"]
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
