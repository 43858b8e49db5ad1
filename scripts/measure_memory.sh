#!/usr/bin/env bash
# Resident memory of each service: started, after each part of some verifications, and the most of it. Needs the
# release build of all binaries. Usage: measure_memory.sh [VERIFICATIONS [AT_ONCE [PARTS]]]
set -euo pipefail
verifications=${1:-16} at_once=${2:-4} parts=${3:-1}
bin=$(dirname "$0")/../target/release
samples=${BONAFIDE_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/bonafide/models}/samples
work=$(mktemp -d)
declare -A pid
stop() {
    for service in "${!pid[@]}"; do kill "${pid[$service]}" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap stop EXIT

# start NAME PORT FLAGS...: returns once the service accepts connections.
start() {
    local name=$1 port=$2
    shift 2
    "$bin/$name" --listen "127.0.0.1:$port" "$@" >"$work/$name.log" 2>&1 &
    pid[$name]=$!
    for _ in $(seq 100); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        kill -0 "${pid[$name]}" || { cat "$work/$name.log" >&2; exit 2; }
        sleep 0.1
    done
    echo "$name does not answer" >&2
    exit 2
}

# memory NAME FIELD: MiB of a field of /proc/PID/status.
memory() { awk -v field="$2:" '$1 == field { printf "%.0f", $2 / 1024 }' "/proc/${pid[$1]}/status"; }

"$bin/bonafide" models fetch >/dev/null
"$bin/bonafide" specimen --portrait "$samples/obama.jpg" --width 1600 --output "$work/passport.png" >/dev/null

key="sk_live_$(openssl rand -hex 24)"
start report-svc 50161 --data "$work/data"
start doc-check-svc 50162
start selfie-svc 50163
BONAFIDE_API_KEYS="measure=$key" BONAFIDE_CLIENT_SECRET_KEY=$(openssl rand -base64 32) \
    start session-svc 50160 --allow-specimens --report-address http://127.0.0.1:50161 \
    --document-address http://127.0.0.1:50162 --selfie-address http://127.0.0.1:50163
sleep 2
services=(session-svc doc-check-svc selfie-svc report-svc)
# row LABEL FIELD: that field of each service.
row() {
    local service
    printf '%-28s' "$1"
    for service in "${services[@]}"; do printf ' %14s' "$(memory "$service" "$2")"; done
    printf '\n'
}

printf '%-28s' MiB
printf ' %14s' "${services[@]}"
printf '\n'
row idle VmRSS
started=$SECONDS
for part in $(seq "$parts"); do
    seq $((verifications / parts)) | BONAFIDE_API_KEY=$key xargs -P "$at_once" -I{} "$bin/bonafide" verify \
        --document "$work/passport.png" --selfie "$samples/obama2.jpg" --address http://127.0.0.1:50160 \
        >"$work/verify.log" || { tail -5 "$work/verify.log" >&2; exit 2; }
    row "after $((part * (verifications / parts))), $at_once at once, $((SECONDS - started)) s" VmRSS
done
row most VmHWM
