#!/bin/sh
# Makes proto/envoy.descriptors.bin.z anew: the descriptors of Envoy's API, from the .proto files of the envoy-types crate
# that Cargo.lock names. Needs protoc (Debian: protobuf-compiler), python3, and the crate in cargo's registry folder
# (`cargo fetch`). Run it when envoy-types changes, and commit the result.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n '/^name = "envoy-types"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$here/../Cargo.lock")
crate=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -maxdepth 2 -type d -name "envoy-types-$version" | head -n 1)
[ -n "$crate" ] || { echo "envoy-types $version is not in cargo's registry folder: run cargo fetch" >&2; exit 1; }
cd "$crate/proto"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Without source information; in order of name, so that the same crate gives the same bytes.
find data-plane-api xds -name '*.proto' | LC_ALL=C sort | sed 's|^[^/]*/||' > "$work/files"
protoc --include_imports --descriptor_set_out="$work/envoy.bin" \
    -I data-plane-api -I xds -I cel-spec/proto -I client_model -I googleapis -I opentelemetry-proto \
    -I protoc-gen-validate -I ratelimit @"$work/files"
python3 -c '
import sys, zlib
data = open(sys.argv[1], "rb").read()
packed = zlib.compress(data, 9)
open(sys.argv[2], "wb").write(packed)
print(f"{len(data)} bytes, compressed {len(packed)}")
' "$work/envoy.bin" "$here/envoy.descriptors.bin.z"
