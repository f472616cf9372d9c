#!/usr/bin/env python3
"""Checks template.yaml: cfn-lint, then what must not slip, on the template as SAM expands it, for each variant of it.

usage: check_template.py [--table]        needs: cfn-lint, aws-sam-translator
Prints a line for each thing checked; ends with 1 if any of them does not hold. `test_checks.py` checks the checks.
With --table it prints the rows of README.md's table of parameters instead.
"""
import subprocess
import sys

from checks import report
from checks.expanded import TEMPLATE, expand, source
from checks.functions import check_event_sources, check_front, check_functions, check_schedule, check_variables
from checks.operations import check_operations
from checks.report import check
from checks.rights import check_rights, check_roles, check_services, check_stars
from checks.state import check_bucket, check_key, check_queues, check_table
from checks.surface import check_outputs, check_parameters, check_samconfig, rows_of
from checks.watching import check_alarms, check_dashboard, check_logs, check_mail

# Each condition of the template is true in one of them and false in another.
VARIANTS = [
    {"Front": "HttpApi"},
    {"Front": "FunctionUrl"},
    {
        "Front": "HttpApi",
        "BedrockModels": "arn:bedrock:one,arn:bedrock:two",
        "VectorIndexes": "arn:s3vectors:one",
        "Tracing": "Active",
        "AlarmEmail": "someone@example.com",
    },
    {"Front": "FunctionUrl", "MetricsNamespace": "", "AlarmTopic": "arn:aws:sns:us-east-1:111122223333:ours"},
]
RULES = [
    check_parameters,
    check_outputs,
    check_samconfig,
    check_front,
    check_functions,
    check_variables,
    check_schedule,
    check_queues,
    check_event_sources,
    check_table,
    check_bucket,
    check_key,
    check_roles,
    check_stars,
    check_rights,
    check_operations,
    check_services,
    check_logs,
    check_alarms,
    check_mail,
    check_dashboard,
]


def check_lint():
    lint = [sys.executable, "-c", "from cfnlint.runner.cli import main; main()", str(TEMPLATE)]
    done = subprocess.run(lint, capture_output=True, text=True)
    check("cfn-lint has nothing to say", done.returncode == 0, (done.stdout + done.stderr).strip())


def main():
    check_lint()
    decided = []
    for variant in VARIANTS:
        print("-- " + ", ".join(f"{name}={value}" for name, value in variant.items()))
        template = expand(**variant)
        report.judge(RULES, template)
        decided += template["Conditions"].items()
    constant = sorted(name for name, holds in set(decided) if (name, not holds) not in decided)
    check("the variants try both sides of each condition", not constant, ", ".join(constant))
    print(f"{len(report.failed)} of the rules do not hold" if report.failed else "template.yaml holds")
    return 1 if report.failed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(main())
        case ["--table"]:
            print("\n".join(rows_of(source()["Parameters"])))
        case _:
            sys.exit(__doc__.strip())
