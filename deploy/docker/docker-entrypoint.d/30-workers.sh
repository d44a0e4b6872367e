#!/bin/sh
# As many workers as the container may use processors, and no more than its memory carries: nginx's own "auto" counts the processors
# of the machine, and on one of 64 the idle workers alone take 126 MiB. As many connections as it carries too: a worker that runs out
# of them turns new clients away, one that runs out of memory is killed with all that it serves.
#
# NGINX_WORKER_PROCESSES says otherwise. NGINX_CGROUP_DIR is where the limits are read (/sys/fs/cgroup).
set -eu

cgroup=${NGINX_CGROUP_DIR:-/sys/fs/cgroup}
# Bytes for each worker; for a connection, of which a slow download (161 KiB, bench/buffers) has two; and for what is in /run/nginx.
memory_each=67108864
memory_connection=82432
memory_files=67108864

# limit FILE...: the number in the first of them that is there, if it is one.
limit() {
    for file in "$@"; do
        if [ -r "$cgroup/$file" ] && read -r number _ <"$cgroup/$file"; then
            case $number in
            *[!0-9]* | '') return 1 ;;
            esac
            echo "$number"
            return 0
        fi
    done
    return 1
}

# lower NUMBER: no more workers than that.
lower() {
    if [ "$1" -lt "$workers" ]; then workers=$1; fi
}

# Where there is no limit, version 1 has a number larger than any memory.
memory=$(limit memory.max memory/memory.limit_in_bytes || true)
if [ ${#memory} -ge 16 ]; then memory=''; fi
workers=${NGINX_WORKER_PROCESSES:-}
if [ -z "$workers" ]; then
    # Those that it may run on, by cpuset too.
    workers=$(nproc)
    # Version 2: "QUOTA PERIOD", or "max PERIOD" where there is no limit. Version 1: two files, and -1.
    if read -r quota period 2>/dev/null <"$cgroup/cpu.max" && [ "$quota" != max ]; then
        lower $(((quota + period - 1) / period))
    elif quota=$(limit cpu/cpu.cfs_quota_us cpu,cpuacct/cpu.cfs_quota_us) &&
        period=$(limit cpu/cpu.cfs_period_us cpu,cpuacct/cpu.cfs_period_us); then
        lower $(((quota + period - 1) / period))
    fi
    if [ -n "$memory" ]; then lower $((memory / memory_each)); fi
    if [ "$workers" -lt 1 ]; then workers=1; fi
fi
connections=4096
case $workers in
*[!0-9]*) ;;
*)
    if [ -n "$memory" ]; then
        carried=$(((memory - memory_files) / memory_connection / workers))
        if [ "$carried" -lt "$connections" ]; then connections=$carried; fi
        if [ "$connections" -lt 128 ]; then connections=128; fi
    fi
    ;;
esac
file=${NGINX_WORKERS_FILE:-/run/nginx/workers.conf}
echo "worker_processes $workers;" >"$file"
echo "worker_connections $connections;" >"$(dirname "$file")/events.conf"
