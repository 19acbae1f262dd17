# Runs inside the sandbox, as `bash -c`. Arguments: the set-up, what to run before the command, the
# command, and a probe to run after it. Descriptors: 3 the tree, 4 the report,
# 6 a second report if the first archive misses something.
#
# The report is a line that says it started, three lines (status of the command, status of the probe, length of the probe's
# output), the probe's output and the archive. The second report is `mode path NUL` for every path
# that had to be made readable, an empty record, and the archive again.
echo started >&4
exec 5>&2 2>/dev/null
umask 022
tar --extract --preserve-permissions --file=- --directory=/ <&3 || exit 97
exec 3<&-
cd "$HOME" || exit 97
for text in "$1" "$2"; do
  if [ -n "$text" ]; then
    bash -ec "$text" </dev/null >&5 2>&5 4>&- 5>&- 6>&- || exit 98
  fi
done
status=0 probed=0 probe=''
if [ -n "$3" ]; then
  bash -c "$3" </dev/null 2>&5 4>&- 5>&- 6>&-
  status=$?
fi
exec 1>&- 5>&-
if [ -n "$4" ]; then
  probe=$(bash -c "$4" </dev/null 2>&1 4>&- 6>&-)
  probed=$?
fi
LC_ALL=C
printf '%s\n%s\n%s\n%s' "$status" "$probed" "${#probe}" "$probe" >&4
LC_ALL=C.UTF-8
set -- --create --format=gnu --sparse --one-file-system --anchored $MOUNTED --directory=/ --file=- .
if ! tar "$@" >&4; then
  exec 4>&-
  find / -xdev \( -type d ! -perm -u=rwx -o -type f ! -perm -u=r \) \
    -printf '%m %p\0' -exec chmod u+rwx {} \; >&6
  printf '\0' >&6
  tar "$@" >&6
fi
exit 0
