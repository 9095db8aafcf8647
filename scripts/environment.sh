# What both environments need: `. scripts/environment.sh`. Functions only.

say() { printf '%s\n' "$*" >&2; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

# choose_python PYTHON: sets `python` to it, or to another that fits.
choose_python() {
  python="$1"
  if ! fits "$python"; then
    for other in python3.13 python3.12 python3.11; do
      if command -v "$other" >/dev/null && fits "$other"; then python="$other"; break; fi
    done
  fi
  fits "$python" || { say "Python 3.11 to 3.13 is needed; $python is not. Say which: make PYTHON=/path/to/python3.12"; exit 1; }
}

# LightGBM needs the OpenMP runtime, which a bare system may lack.
need_openmp() {
  if "$python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || [ "$(uname -s)" != Linux ]; then return; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing libgomp1 (OpenMP runtime)"
    apt-get update -qq && apt-get install -y -qq libgomp1 >/dev/null
  else
    say "The OpenMP runtime is missing. Install it first: sudo apt-get install libgomp1"; exit 1
  fi
}

# make_venv VENV: makes it, unless one that fits is there; sets `pip`.
make_venv() {
  if [ -x "$1/bin/python" ] && ! fits "$1/bin/python"; then rm -rf "$1"; fi
  if [ ! -x "$1/bin/python" ]; then
    say "Making the environment in $1 with $("$python" --version)"
    "$python" -m venv "$1" || { say "The venv module is missing. On Debian: sudo apt-get install python3-venv"; exit 1; }
  fi
  "$1/bin/python" -m pip --version >/dev/null 2>&1 || "$1/bin/python" -m ensurepip --quiet
  pip=("$1/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --root-user-action=ignore)
}
