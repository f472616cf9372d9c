"""What an operator sees: parameters, outputs, the file that `sam deploy` reads, and what README.md says of them."""
import re
import tomllib

from checks.expanded import INFRA, ROOT
from checks.report import check

OUTPUTS = {"ApiUrl", "TableName", "BucketName", "QueueUrl", "DeadLetterQueueUrl", "DashboardName"}
SECRETS = {"OtlpHeaders"}


def check_parameters(template):
    parameters = template["Source"]["Parameters"]
    text = str({part: of for part, of in template["Source"].items() if part != "Parameters"})
    used = set(re.findall(r"'Ref': '(\w+)'|\$\{(\w+)\}", text))
    used = {one or other for one, other in used}
    for name, parameter in parameters.items():
        described = len(parameter.get("Description", "")) >= 20
        check(f"parameter {name}: described, used, with a default", described and name in used and "Default" in parameter)
    hidden = {name for name, p in parameters.items() if str(p.get("NoEcho")).lower() == "true"}
    check("secrets are hidden in the stack", hidden == SECRETS, ", ".join(sorted(hidden)))
    rows = rows_of(parameters)
    stale = [row.split("`")[1] for row in set(rows) ^ set(re.findall(r"^\| `.*$", section("## Parameters"), re.MULTILINE))]
    check("README.md: a row for each parameter, as --table prints it", not stale, ", ".join(sorted(set(stale))) or len(rows))


def rows_of(parameters):
    """The rows of the table in README.md."""
    default = lambda parameter: f"`{parameter['Default']}`" if parameter["Default"] != "" else "none"
    return [f"| `{name}` | {default(p)} | {p['Description'].strip().replace('|', chr(92) + '|')} |" for name, p in parameters.items()]


def check_outputs(template):
    outputs = template["Outputs"]
    check("outputs", set(outputs) == OUTPUTS, ", ".join(sorted(outputs)))
    check("every output is described and has a value", all(o.get("Description") and o.get("Value") for o in outputs.values()))


def check_samconfig(template):
    deploy = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    check("samconfig.toml: names this template", (ROOT / deploy["template_file"]).resolve() == INFRA / "template.yaml")
    overrides = deploy["parameter_overrides"]
    named = {override.partition("=")[0] for override in ([overrides] if isinstance(overrides, str) else overrides)}
    unknown = sorted(named - set(template["Source"]["Parameters"]))
    check("samconfig.toml: names parameters that exist", not unknown, ", ".join(unknown or sorted(named)))
    check("samconfig.toml: may make roles", "CAPABILITY_IAM" in deploy["capabilities"], deploy["capabilities"])


def section(heading):
    """The text of README.md from a heading to the next of its kind."""
    _, _, rest = (INFRA / "README.md").read_text().partition(f"\n{heading}\n")
    return rest.partition("\n## ")[0]
