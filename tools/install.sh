#!/bin/sh
# tools/install.sh GROUP: what a group of make targets needs beyond .venv. Says what it finds and what it installs; run by `make bench-tools`, `browser-tools`, `dicom-tools`, `paper-tools`, `postgres-tools`, `strace-tools`.
# It installs Debian packages only, by apt-get, and only as root; it gives up after INSTALL_WITHIN_S (900) seconds, and says what is missing.
set -eu

group=${1:-}
within_s=${INSTALL_WITHIN_S:-900}

compiles() {
    printf '#include <modbus/modbus.h>\nint main(void) { return modbus_new_rtu == 0; }\n' | gcc -x c -o /dev/null - -lmodbus 2>/dev/null
}

missing() {
    case $group in
    bench)
        compiles || echo "gcc with libmodbus and its headers"
        command -v cyclictest >/dev/null || echo "cyclictest"
        ;;
    browser) command -v chromium >/dev/null || echo "chromium" ;;
    dicom)
        command -v dciodvfy >/dev/null || echo "dciodvfy"
        command -v storescp >/dev/null || echo "storescp"
        ;;
    paper) command -v pdftoppm >/dev/null || echo "pdftoppm" ;;
    postgres)
        ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo "initdb"
        id postgres >/dev/null 2>&1 || echo "the user postgres"
        ;;
    strace) command -v strace >/dev/null || echo "strace" ;;
    esac
}

case $group in
bench) packages="gcc libc6-dev libmodbus-dev rt-tests" ;;
browser) packages="chromium fonts-dejavu-core" ;;
dicom) packages="dicom3tools dcmtk" ;;
paper) packages="poppler-utils" ;;
postgres) packages="postgresql" ;;
strace) packages="strace" ;;
*)
    echo "tools/install.sh: $group is no group; first: write bench, browser, dicom, paper, postgres or strace"
    exit 2
    ;;
esac

if [ -z "$(missing)" ]; then
    echo "$group-tools: everything is here; nothing to install"
    exit 0
fi
echo "$group-tools: missing: $(missing | paste -s -d ,)"
first="install it first, on Debian as root: apt-get install $packages"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$group-tools: $first"
    exit 1
fi

echo "$group-tools: apt-get installs $packages, within $within_s s"
patient="-qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -o Acquire::http::Timeout=60 -o Acquire::https::Timeout=60"
export DEBIAN_FRONTEND=noninteractive
code=0
# shellcheck disable=SC2016,SC2086
timeout -k 10 "$within_s" sh -c 'apt-get $0 update && apt-get $0 install -y --no-install-recommends $1' "$patient" "$packages" </dev/null || code=$?
if [ "$code" = 124 ] || [ "$code" = 137 ]; then
    echo "$group-tools: apt-get was not done within $within_s s; see whether this machine reaches its package mirror, or $first"
    exit 1
fi
if [ "$code" != 0 ] || [ -n "$(missing)" ]; then
    echo "$group-tools: still missing: $(missing | paste -s -d ,) (apt-get ended with $code); see what it said above, or $first"
    exit 1
fi
echo "$group-tools: ready"
