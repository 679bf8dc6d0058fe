#!/bin/sh
set -eu
cd "$(dirname "$0")"
if [ -f package-lock.json ]; then npm ci --no-fund --no-audit; else npm install --no-fund --no-audit; fi
npm run build
