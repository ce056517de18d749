#!/bin/sh
# What the benchmarks need beyond .venv: a C compiler, the C library that Modbus is measured against, and cyclictest. Says what it finds and what it installs; run by `make bench-tools`.
# It installs Debian packages only, by apt-get, and only as root.
set -eu

compiles() {
    printf '#include <modbus/modbus.h>\nint main(void) { return modbus_new_rtu == 0; }\n' | gcc -x c -o /dev/null - -lmodbus 2>/dev/null
}

if compiles && command -v cyclictest >/dev/null; then
    echo "bench-tools: gcc, libmodbus and cyclictest are here; nothing to install"
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "bench-tools: gcc with libmodbus and its headers, or cyclictest, is missing; install it first, on Debian as root: apt-get install gcc libc6-dev libmodbus-dev rt-tests"
    exit 1
fi
echo "bench-tools: apt-get installs gcc, libc6-dev, libmodbus-dev and rt-tests"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev libmodbus-dev rt-tests
compiles || { echo "bench-tools: gcc still does not find libmodbus; see what apt-get said above"; exit 1; }
command -v cyclictest >/dev/null || { echo "bench-tools: there is still no cyclictest; see what apt-get said above"; exit 1; }
echo "bench-tools: ready"
