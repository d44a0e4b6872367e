#!/bin/sh
# As many workers as the container may use processors: nginx's own "auto" counts those of the machine.
set -eu

workers=${NGINX_WORKER_PROCESSES:-}
if [ -z "$workers" ]; then
    workers=auto
    # cgroup v2: "QUOTA PERIOD", or "max PERIOD" where there is no limit.
    if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
        workers=$(((quota + period - 1) / period))
    fi
fi
echo "worker_processes $workers;" >"${NGINX_WORKERS_FILE:-/run/nginx/workers.conf}"
