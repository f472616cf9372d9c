#!/usr/bin/env bash
# Deploys what `cargo lambda build --release` has built, with the AWS command line alone; `sam deploy` does the same.
set -euo pipefail

usage() {
  cat <<'END'
usage: infra/deploy.sh [--stack NAME] [--bucket BUCKET] [PARAMETER=VALUE...]

Uploads the functions in target/lambda and deploys infra/template.yaml with them.

  --stack NAME       the stack (millrace)
  --bucket BUCKET    where the code is uploaded to (NAME-code-ACCOUNT-REGION, which is made if there is none)
  PARAMETER=VALUE    a parameter of the template, such as Front=FunctionUrl; those left out keep their values
  --help             this text

Region and credentials are those of the shell, as every command of AWS takes them.
END
}

# fail STATUS SENTENCE...: 2 for a call that makes no sense, 1 for what is not there.
fail() {
  local status=$1
  shift
  printf 'deploy.sh: %s\n' "$@" >&2
  exit "$status"
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
stack=millrace
bucket=
architecture=
overrides=()
packaged=

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --stack | --bucket)
        [ -n "${2:-}" ] && [[ $2 != -* ]] || fail 2 "$1 wants a value"
        if [ "$1" = --stack ]; then stack=$2; else bucket=$2; fi
        shift 2
        ;;
      [A-Z]*=*)
        grep -qxF "  ${1%%=*}:" <(sed -n '/^Parameters:/,/^Mappings:/p' "$root/infra/template.yaml") \
          || fail 2 "the template has no parameter ${1%%=*}"
        [ "${1%%=*}" != Architecture ] || architecture=${1#*=}
        overrides+=("$1")
        shift
        ;;
      *) fail 2 "I do not know $1; --help says what I do" ;;
    esac
  done
  [[ $stack =~ ^[A-Za-z][A-Za-z0-9-]{0,100}$ ]] || fail 2 "$stack is no name for a stack: letters, digits and hyphens, a letter first"
}

# The instruction set that a program is for, as its ELF header says.
architecture_of() {
  case $(od -An -tx1 -j18 -N2 "$1" | tr -d ' ') in
    b700) echo arm64 ;;
    3e00) echo x86_64 ;;
    *) echo unknown ;;
  esac
}

# All three are there, alone in their folders (what else lies there would be uploaded), and of one kind.
check_functions() {
  local function folder built
  for function in api worker sweeper; do
    folder=$root/target/lambda/$function
    [ -f "$folder/bootstrap" ] || fail 1 "there is no target/lambda/$function/bootstrap; build it first:" \
      "cargo lambda build --release --arm64 -p millrace-api -p millrace-worker -p millrace-sweeper"
    [ "$(ls -A "$folder")" = bootstrap ] || fail 1 "target/lambda/$function holds more than bootstrap; remove the rest"
    built=$(architecture_of "$folder/bootstrap")
    [ "${architecture:-$built}" = "$built" ] || fail 1 "target/lambda/$function/bootstrap is $built and not $architecture"
    architecture=$built
  done
}

find_bucket() {
  local account region
  [ -z "$bucket" ] || return 0
  account=$(aws sts get-caller-identity --query Account --output text) || fail 1 "AWS does not know these credentials"
  region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
  [ -n "$region" ] || fail 1 "no region: set AWS_REGION, or one by aws configure"
  bucket=${stack,,}-code-$account-$region
  aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1 || aws s3 mb "s3://$bucket" --region "$region"
}

main() {
  read_arguments "$@"
  command -v aws >/dev/null || fail 1 "the AWS command line is not there: https://docs.aws.amazon.com/cli/"
  check_functions
  find_bucket
  packaged=$(mktemp)
  trap 'rm -f "$packaged"' EXIT
  aws cloudformation package --template-file "$root/infra/template.yaml" --s3-bucket "$bucket" --s3-prefix "$stack" \
    --output-template-file "$packaged" >/dev/null
  # Said each time, so that a stack follows what was built.
  [[ " ${overrides[*]} " == *" Architecture="* ]] || overrides+=("Architecture=$architecture")
  # From a bucket, since the template may be longer than what a call may hold.
  aws cloudformation deploy --template-file "$packaged" --stack-name "$stack" --s3-bucket "$bucket" --s3-prefix "$stack" \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset --parameter-overrides "${overrides[@]}"
  aws cloudformation describe-stacks --stack-name "$stack" --output table \
    --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]'
}

main "$@"
