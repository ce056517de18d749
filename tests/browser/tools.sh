#!/bin/sh
# What the browser tests need beyond .venv: Debian's chromium and a font. Says what it finds and what it installs; run by `make browser-tools`.
# It installs Debian packages only, by apt-get, and only as root.
set -eu

if command -v chromium >/dev/null; then
    echo "browser-tools: chromium is here; nothing to install"
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "browser-tools: chromium is missing; install it first, on Debian as root: apt-get install chromium fonts-dejavu-core"
    exit 1
fi
echo "browser-tools: apt-get installs chromium and fonts-dejavu-core"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
command -v chromium >/dev/null || { echo "browser-tools: there is still no chromium; see what apt-get said above"; exit 1; }
echo "browser-tools: ready"
