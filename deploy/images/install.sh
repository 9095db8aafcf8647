#!/bin/sh
# Installs into an environment without pip: install.sh VENV LOCK | install.sh VENV WHEEL. Run while an image is built.
# Writes the list of what is installed (CycloneDX) to VENV/sbom.cdx.json, and removes the packages' own tests.
set -eu
venv="$1" what="$2"
pip() { /opt/tools/bin/pip --python "$venv/bin/python" install --quiet "$@"; }

[ -x "$venv/bin/python" ] || python3 -m venv --without-pip "$venv"
case "$what" in
  *.whl) pip --no-deps "$what" ;;
  *) pip --only-binary :all: --require-hashes -r "requirements/$what.lock" ;;
esac
find "$venv" -depth -type d -name tests -path '*/site-packages/*' \
  -exec rm -rf {} +
/opt/tools/bin/cyclonedx-py environment --output-reproducible --output-file "$venv/sbom.cdx.json" "$venv/bin/python"
# Compiled once here, as the root of a container is read-only.
"$venv/bin/python" -m compileall -q -j 2 "$venv/lib" || true
