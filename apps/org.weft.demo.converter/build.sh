#!/bin/sh
set -eu
cd "$(dirname "$0")"
# Not `npm ci`: newer ones refuse a lock file that lacks optional packages of other platforms. What the lock file has is taken as it says.
npm install --no-fund --no-audit
npm run build
