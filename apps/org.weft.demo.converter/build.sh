#!/bin/sh
set -eu
cd "$(dirname "$0")"
npm install --no-fund --no-audit
npm run build
