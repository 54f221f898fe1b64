# shellcheck shell=bash
# Running instances. An instance is KIND or KIND@NAME; everything it has is in
# $RUN_DIR/INSTANCE: data, my.cnf, client.cnf, pid, port, log, server.sock.
# Sourced by scripts/servers.

readonly ROOT_PASSWORD=replank

instance_kind() { echo "${1%%@*}"; }

# Runs a program of a kind through that folder's own loader and libraries,
# because they are newer than the system's.
in_dist() {
  local dist=$DIST_DIR/$1 program=$2 lib
  shift 2
  lib=$(dist_lib "$dist")
  "$(dist_loader "$lib")" --library-path "$lib" "$dist/usr/$program" "$@"
}

dist_lib() { dirname "$(compgen -G "$1/usr/lib/*-linux-gnu*/libc.so.6")"; }
dist_share() { dirname "$(compgen -G "$DIST_DIR/$1/usr/share/m*/charsets")"; }
dist_loader() { compgen -G "$1/ld-linux*.so.*" | head -n 1; }

server_program() {
  case $(kind_flavor "$1") in
    mariadb) echo sbin/mariadbd ;;
    mysql) echo sbin/mysqld ;;
  esac
}

client_program() { echo "bin/$(kind_flavor "$1")"; }

# Where the programs find their own files; compiled-in paths point to /usr.
location_settings() {
  local kind=$1 dist=$DIST_DIR/$1 share
  share=$(dist_share "$kind")
  if [[ $(kind_flavor "$kind") == mysql ]]; then
    # mysqld aborts when the default of this folder does not exist.
    echo "secure-file-priv="
    echo "mysqlx=OFF"
  fi
  echo "basedir=$dist/usr"
  echo "plugin-dir=$dist/usr/lib/mysql/plugin"
  echo "lc-messages-dir=$share"
  echo "character-sets-dir=$share/charsets"
  echo "skip-name-resolve"
  # Servers refuse to run as root unless told to.
  [[ $(id -u) != 0 ]] || echo "user=root"
}

write_config() {
  local instance=$1 port=$2 kind dir=$RUN_DIR/$1
  kind=$(instance_kind "$instance")
  {
    echo "[mysqld]"
    location_settings "$kind"
    # Relative to the data folder: a socket's full path may have 107 bytes only.
    cat <<CONF
datadir=$dir/data
socket=../server.sock
pid-file=server.pid
tmpdir=$dir/tmp
bind-address=127.0.0.1
port=$port
server-id=$(<"$dir/server-id")
max_connections=500
character-set-server=utf8mb4
# As durable as a production server: figures taken here must not flatter.
log-bin=binlog
binlog_format=ROW
sync_binlog=1
innodb_flush_log_at_trx_commit=1
innodb_buffer_pool_size=${REPLANK_BUFFER_POOL:-2G}
CONF
    case $(kind_flavor "$kind") in
      mariadb) printf '%s\n' innodb_log_file_size=512M log_slave_updates=ON ;;
      mysql) printf '%s\n' innodb_redo_log_capacity=512M gtid_mode=ON enforce_gtid_consistency=ON ;;
    esac
    if [[ -e $dir/primary ]]; then echo "read_only=ON"; fi
  } >"$dir/my.cnf"
  printf '[client]\nhost=127.0.0.1\nport=%s\nuser=root\npassword=%s\n' "$port" "$ROOT_PASSWORD" >"$dir/client.cnf"
}

root_user_sql() {
  echo "ALTER USER root@localhost IDENTIFIED BY '$ROOT_PASSWORD';"
  # What MariaDB has made already, and an account without a password.
  echo "DROP USER IF EXISTS root@'::1';"
  echo "CREATE USER IF NOT EXISTS root@'127.0.0.1';"
  echo "ALTER USER root@'127.0.0.1' IDENTIFIED BY '$ROOT_PASSWORD';"
  echo "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;"
}

# An initialised data folder, made once per kind, that new instances copy.
make_template() {
  local kind=$1 dist=$DIST_DIR/$1 share sql new=$DIST_DIR/$1/template.new
  if [[ -d $dist/template ]]; then
    return
  fi
  (
    take_lock "$DIST_DIR/.$kind.lock" "another preparation of $kind"
    if [[ -d $dist/template ]]; then
      exit 0
    fi
    say "preparing an empty data folder for $kind (once)"
    rm -rf "$new"
    mkdir -p "$new/data"
    { # No binary log here: an instance's first event is its own.
      echo "[mysqld]"
      location_settings "$kind"
      printf '%s\n' "datadir=$new/data" "tmpdir=$new" skip-log-bin character-set-server=utf8mb4
    } >"$new/my.cnf"
    root_user_sql >"$new/root.sql"
    case $(kind_flavor "$kind") in
      mysql)
        in_dist "$kind" sbin/mysqld --defaults-file="$new/my.cnf" \
          --initialize-insecure --init-file="$new/root.sql" >"$new/log" 2>&1 || template_failed "$kind"
        ;;
      mariadb)
        # What mariadb-install-db does, whose own idea of paths does not fit here.
        share=$(dist_share "$kind")
        {
          printf '%s\n' "CREATE DATABASE mysql;" "USE mysql;"
          for sql in mysql_system_tables mysql_performance_tables mysql_system_tables_data \
            maria_add_gis_sp_bootstrap mysql_sys_schema; do
            find "$share" -maxdepth 1 \( -name "$sql.sql" -o -name "${sql/mysql_/mariadb_}.sql" \) -exec cat {} +
          done | sed '/@current_hostname/d'
          echo "FLUSH PRIVILEGES;"
          cat "$new/root.sql"
        } >"$new/bootstrap.sql"
        in_dist "$kind" sbin/mariadbd --defaults-file="$new/my.cnf" --bootstrap \
          --innodb-log-file-size=16M <"$new/bootstrap.sql" >"$new/log" 2>&1 || template_failed "$kind"
        ;;
    esac
    rm -f "$new/data/auto.cnf" # the server's own uuid: each copy makes its own
    mv -T "$new/data" "$dist/template"
    rm -rf "$new"
  )
}

template_failed() {
  tail -n 15 "$DIST_DIR/$1/template.new/log" >&2
  die "cannot prepare a data folder for $1; its last messages are above." \
    "Remove ${DIST_DIR#"$REPO_DIR"/}/$1 and try again, or report this."
}

# The pid of an instance's server, if it runs. The command line is checked too,
# so that a reused pid is never mistaken for ours (a zombie has none).
running_pid() {
  local dir=$RUN_DIR/$1 pid
  pid=$(cat "$dir/pid" 2>/dev/null) && [[ -n $pid ]] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "--defaults-file=$dir/my.cnf" || return 1
  echo "$pid"
}

# The port it had before if that is free (so that urls stay), else a random one
# below the range that the kernel gives to outgoing connections.
pick_port() {
  local port
  port=$(cat "$RUN_DIR/$1/port" 2>/dev/null || echo 0)
  while [[ $port == 0 ]] || port_in_use "$port"; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
  done
  echo "$port"
}

port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

client() {
  local instance=$1
  shift
  in_dist "$(instance_kind "$instance")" "$(client_program "$(instance_kind "$instance")")" \
    --defaults-file="$RUN_DIR/$instance/client.cnf" "$@"
}

# Starts the process.
launch() {
  local instance=$1 kind dir=$RUN_DIR/$1 port lib
  kind=$(instance_kind "$instance")
  port=$(pick_port "$instance")
  write_config "$instance" "$port"
  rm -f "$dir/server.sock" "$dir/server.sock.lock"
  : >"$dir/log"
  lib=$(dist_lib "$DIST_DIR/$kind")
  # Its own session, so that Ctrl-C here does not reach it; and without our lock. A zone with summer time, which needs no
  # files in this form, because under UTC nobody notices who forgets the zone.
  TZ='CET-1CEST,M3.5.0,M10.5.0/3' setsid "$(dist_loader "$lib")" --library-path "$lib" "$DIST_DIR/$kind/usr/$(server_program "$kind")" \
    --defaults-file="$dir/my.cnf" </dev/null >>"$dir/log" 2>&1 {LOCK_FD}>&- &
  echo "$!" >"$dir/pid"
  echo "$port" >"$dir/port"
}

# Waits until a client gets in, and reaches this server and no other on its port.
# Returns 1 when the server died because another program took the port.
wait_ready() {
  local instance=$1 dir=$RUN_DIR/$1 pid deadline=$((SECONDS + 300))
  pid=$(<"$dir/pid")
  until [[ $(client "$instance" --connect-timeout=5 -Nse 'SELECT @@server_id' 2>/dev/null) == "$(<"$dir/server-id")" ]]; do
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f "$dir/pid"
      if grep -qiE 'address already in use|Bind on TCP/IP port' "$dir/log"; then
        rm -f "$dir/port" # so that the next try picks another
        return 1
      fi
      tail -n 15 "$dir/log" >&2
      die "$instance did not start; its last messages are above (all: ${dir#"$REPO_DIR"/}/log)." \
        "A broken data folder is replaced by: scripts/servers start --fresh $instance"
    fi
    ((SECONDS < deadline)) || die "$instance runs (pid $pid) but lets no client in after 300 s; see $dir/log"
    sleep 0.1
  done
}

# start_instance INSTANCE FRESH(0|1) [PRIMARY]
start_instance() {
  local instance=$1 fresh=$2 primary=${3:-} kind dir=$RUN_DIR/$1 pid
  kind=$(instance_kind "$instance")
  fetch_kind "$kind"
  make_template "$kind"
  mkdir -p "$RUN_DIR"
  (
    take_lock "$RUN_DIR/.$instance.lock" "another command on $instance"
    if [[ -e $dir/primary ]]; then
      primary=$(<"$dir/primary") # known from its first start
      require_primary "$instance" "$primary"
    fi
    if ((fresh)); then
      stop_locked "$instance"
      rm -rf "${dir:?}/data"
    fi
    if pid=$(running_pid "$instance"); then
      wait_ready "$instance" # the command that started it may have been killed
      say "$instance runs already (pid $pid)"
    else
      mkdir -p "$dir/tmp"
      if [[ ! -d $dir/data ]]; then
        rm -rf "$dir/data.new"
        cp -a --sparse=always --reflink=auto "$DIST_DIR/$kind/template" "$dir/data.new"
        # Kept with the data: replication tells servers apart by it.
        echo $((RANDOM * 32768 + RANDOM + 1)) >"$dir/server-id"
        if [[ -n $primary ]]; then echo "$primary" >"$dir/primary"; fi
        mv -T "$dir/data.new" "$dir/data"
      fi
      for _ in 1 2 3 4 5; do
        launch "$instance"
        if wait_ready "$instance"; then break; fi
      done
      pid=$(running_pid "$instance") || die "$instance found no free port in five tries"
      say "started $instance $(<"$DIST_DIR/$kind/VERSION") (pid $pid) on port $(<"$dir/port")"
    fi
    if [[ -n $primary ]]; then attach_replica "$instance" "$primary"; fi
  )
}

require_primary() {
  running_pid "$2" >/dev/null || die "$2, the primary of $1, does not run." "Start both: scripts/servers replica $2"
}

# Tells a replica where its primary is (again at each start, as ports may move).
attach_replica() {
  local replica=$1 primary=$2 port mib caught_up gtids
  require_primary "$replica" "$primary"
  port=$(<"$RUN_DIR/$primary/port")
  case $(kind_flavor "$replica") in
    mariadb)
      client "$replica" -e "STOP SLAVE; CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=$port, MASTER_USER='root',
        MASTER_PASSWORD='$ROOT_PASSWORD', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
      ;;
    mysql)
      client "$replica" -e "STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$port,
        SOURCE_USER='root', SOURCE_PASSWORD='$ROOT_PASSWORD', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1,
        SOURCE_CONNECT_RETRY=1; START REPLICA"
      ;;
  esac
  # It began empty and replays the primary's whole binary log.
  mib=$(du -cm "$RUN_DIR/$primary/data"/binlog.[0-9]* | tail -n 1 | cut -f 1)
  say "$replica replicates from $primary ($mib MiB of binary log)"
  case $(kind_flavor "$replica") in
    mariadb)
      gtids=$(client "$primary" -Nse 'SELECT @@gtid_binlog_pos')
      caught_up=$(client "$replica" -Nse "SELECT MASTER_GTID_WAIT('$gtids', 60)")
      ;;
    mysql)
      gtids=$(client "$primary" -Nrse "SELECT REPLACE(@@gtid_executed, '\n', '')")
      caught_up=$(client "$replica" -Nse "SELECT WAIT_FOR_EXECUTED_GTID_SET('$gtids', 60)")
      ;;
  esac
  if [[ $caught_up != 0 ]]; then
    say "$replica has not caught up after 60 s; look at: scripts/servers client $replica -E -e 'SHOW REPLICA STATUS'"
  fi
}

stop_locked() {
  local instance=$1 pid
  pid=$(running_pid "$instance") || { rm -f "$RUN_DIR/$instance/pid"; return 0; }
  kill -TERM "$pid"
  for ((i = 0; i < 1200; i++)); do
    if ! running_pid "$instance" >/dev/null; then
      rm -f "$RUN_DIR/$instance/pid"
      say "stopped $instance (pid $pid)"
      return
    fi
    sleep 0.1
  done
  die "$instance (pid $pid) does not end after 120 s." "See ${RUN_DIR#"$REPO_DIR"/}/$instance/log; end it with: kill -9 $pid"
}
