# Feeding the targets of tests/fuzz, guided by coverage. Sourced by .ci/run.

# fuzz_targets SECONDS JOBS: every target for so long, so many at a time; a line for each, and inputs that break one are
# kept. With FUZZ_CORPUS set, what a run finds is kept in that folder, and the next run goes on from there.
fuzz_targets() {
  local seconds=$1 jobs=$2 target running=()
  local found="$CARGO_TARGET_DIR/fuzz"
  mkdir -p "$found"
  rm -f "$found"/*-crash-* "$found"/*-timeout-* "$found"/*-oom-*
  [ -d ../shared ] || echo "no folder shared beside the project: its files are no seeds"
  printf '%-14s %10s %7s %9s %8s %s\n' target runs edges features 'rss MB' verdict
  for target in $("$CARGO_TARGET_DIR/debug/fuzz" --list); do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
    fuzz_target "$target" "$seconds" "$found" &
    running+=("$!")
    background+=("$!")
  done
  wait "${running[@]}" 2>/dev/null || true
  background=()
  ! fuzz_findings "$found"
}

# fuzz_target NAME SECONDS FOLDER
fuzz_target() {
  local target=$1 log=$scratch/$1.log corpus=${FUZZ_CORPUS:-$scratch/corpus}/$1 status=0
  mkdir -p "$corpus"
  "$CARGO_TARGET_DIR/debug/fuzz" --seeds "$target" "$corpus"
  # The stack of a thread; memory and time of one input are the target's own limits, these are for what hangs or leaks.
  (
    ulimit -s 2048
    exec timeout $(($2 + 120)) "$CARGO_TARGET_DIR/debug/fuzz" "$target" -max_total_time="$2" -timeout=60 -rss_limit_mb=3000 \
      -len_control=0 -print_final_stats=1 -artifact_prefix="$3/$target-" "$corpus"
  ) >"$log" 2>&1 || status=$?
  local last runs edges features rss verdict=ok
  last=$(grep -E '^#[0-9]+.* cov: ' "$log" | tail -n 1 || true)
  runs=$(fuzz_number 's/^stat::number_of_executed_units: *//p' <"$log")
  edges=$(fuzz_number 's/.* cov: \([0-9]*\).*/\1/p' <<<"$last")
  features=$(fuzz_number 's/.* ft: \([0-9]*\).*/\1/p' <<<"$last")
  rss=$(fuzz_number 's/^stat::peak_rss_mb: *//p' <"$log")
  if [ "$status" -ne 0 ]; then
    verdict="BROKEN, status $status: $(grep -m 1 -A 1 -E 'panicked at|overflowed|ERROR: libFuzzer' "$log" | tr '\n' ' ' | cut -c 1-160)"
    cp "$log" "$3/$target.log"
    # Whatever ends the process without libFuzzer's seeing leaves no input; the log says what it was.
    compgen -G "$3/$target-*" >/dev/null || : >"$3/$target-crash-without-input"
  fi
  printf '%-14s %10s %7s %9s %8s %s\n' "$target" "${runs:--}" "${edges:--}" "${features:--}" "${rss:--}" "$verdict"
}

fuzz_number() { sed -n "$1" | tail -n 1; }

# Whether something was found; it is printed.
fuzz_findings() {
  local file any=1
  for file in "$1"/*-crash-* "$1"/*-timeout-* "$1"/*-oom-*; do
    [ -e "$file" ] || continue
    any=0
    echo "-- $file, $(stat -c %s "$file") bytes:"
    od -A d -t x1z "$file" | head -n 24
  done
  return $any
}
