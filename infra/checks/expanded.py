"""The template as CloudFormation gets it, and how to read it."""
import logging
import os
import re
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator wants a region; nothing is called

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

INFRA = Path(__file__).resolve().parent.parent
ROOT = INFRA.parent
TEMPLATE = INFRA / "template.yaml"


def source():
    """The template as it is written."""
    return yaml_parse(TEMPLATE.read_text())


def translate(template, parameters):
    """What AWS makes of the template before it looks at conditions. Local code has no address yet, so it gets one."""
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # it would publish its own use; nothing is called
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    return translator.translate(sam_template=template, parameter_values=parameters)


def expand(**chosen):
    """The plain CloudFormation that AWS makes of the template with these parameters, the others at their defaults.

    Conditions are decided, parameters and maps looked up. `Parameters` holds values, `Conditions` what came out, `Source` the template as
    written.
    """
    template = source()
    parameters = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p} | chosen
    plain = translate(template, parameters)
    decided = Decided(plain, parameters)
    there = {n: r for n, r in plain["Resources"].items() if "Condition" not in r or decided.holds(r["Condition"])}
    return {
        "Resources": decided.value(there),
        "Outputs": decided.value(plain["Outputs"]),
        "Conditions": {name: decided.holds(name) for name in plain["Conditions"]},
        "Parameters": parameters,
        "Source": source(),
    }


NOTHING = object()  # what AWS::NoValue stands for


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
            return [item for item in map(self.value, node) if item is not NOTHING]
        if not isinstance(node, dict):
            return node
        (name, argument), *more = node.items() or [(None, None)]
        if more or name is None:
            values = {key: self.value(item) for key, item in node.items()}
            return {key: item for key, item in values.items() if item is not NOTHING}
        return self.function(name, argument)

    def function(self, name, argument):
        if name == "Ref" and argument == "AWS::NoValue":
            return NOTHING
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
        if name == "Fn::Sub":
            return self.substituted(self.value(argument))
        inner = self.value(argument)
        return NOTHING if inner is NOTHING else {name: inner}

    def substituted(self, argument):
        """With what is known put in. Text where nothing is left to AWS, and `Fn::Sub` where something is."""
        text, own = (argument, {}) if isinstance(argument, str) else argument
        known = {name: value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else value for name, value in own.items()}
        known = {name: value for name, value in (self.parameters | known).items() if not isinstance(value, (dict, list))}
        left = {name: value for name, value in own.items() if name not in known}
        text = re.sub(r"\$\{(\w+)\}", lambda found: str(known.get(found[1], found[0])), text)
        return {"Fn::Sub": [text, left] if left else text} if "${" in text else text


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


def logical_in(value):
    """The resources that a value refers to by Ref, GetAtt or Sub."""
    found = re.findall(r"'(?:Ref|Fn::GetAtt)': \[?'(\w+)|https://\$\{(\w+)\}\.execute", str(value))
    return {one or other for one, other in found}


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
