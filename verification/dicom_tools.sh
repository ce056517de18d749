#!/bin/sh
# What DICOM is held against beyond .venv: the validator dciodvfy, and a receiver that is not ours, storescp. Says what it finds and what it installs; run by `make dicom-tools`.
# It installs Debian packages only, by apt-get, and only as root.
set -eu

if command -v dciodvfy >/dev/null && command -v storescp >/dev/null; then
    echo "dicom-tools: dciodvfy and storescp are here; nothing to install"
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "dicom-tools: dciodvfy or storescp is missing; install them first, on Debian as root: apt-get install dicom3tools dcmtk"
    exit 1
fi
echo "dicom-tools: apt-get installs dicom3tools and dcmtk"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dicom3tools dcmtk
command -v dciodvfy >/dev/null || { echo "dicom-tools: there is still no dciodvfy; see what apt-get said above"; exit 1; }
command -v storescp >/dev/null || { echo "dicom-tools: there is still no storescp; see what apt-get said above"; exit 1; }
echo "dicom-tools: ready"
