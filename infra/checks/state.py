"""What outlives a call: queues, bucket, key, table."""
import re

from checks.expanded import ROOT, logical, of_type
from checks.report import check

STORE = ROOT / "crates/store/src"
SCHEMA = STORE / "schema.rs"
DAY = 86400  # seconds


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
    retention = template["Parameters"]["RetentionDays"]
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
