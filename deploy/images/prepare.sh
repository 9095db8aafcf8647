#!/bin/sh
# Prepares the system of an image: a user without rights, the folders that it may write, the OpenMP runtime; no pip.
set -eu
if ! python3 -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends libgomp1
  rm -rf /var/lib/apt/lists/*
fi
echo 'londonpump:x:10001:10001:londonpump:/var/lib/londonpump:/usr/sbin/nologin' >> /etc/passwd
echo 'londonpump:x:10001:' >> /etc/group
for folder in londonpump airflow mlflow; do
  install -d -o 10001 -g 10001 -m 0770 "/var/lib/$folder"
done
rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
  /usr/lib/python3*/ensurepip /usr/share/python-wheels
