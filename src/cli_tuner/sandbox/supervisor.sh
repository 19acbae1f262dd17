# Runs inside the sandbox, as `bash /dev/fd/N`, after lines that set SETUP, EACH (what to run before
# the command), COMMAND, PROBE (what to run after it), MOUNTED (options for tar) and BOUNDS. The
# arguments are the descriptors of the tree, of the report, and of a second report if the first
# archive misses something; they become 3, 4 and 6.
#
# The report is a line that says it started, three lines (status of the command, status of the
# probe, length of the probe's output), the probe's output and the archive. The second report is
# `mode path NUL` for every path that had to be made readable, an empty record, and the archive again.
#
# No text is an argument of any process: `pkill -f x` would find itself and everything around it.
QUIETLY='c=$_TEXT; unset _TEXT; eval "$c"'
exec 3<&"$1" 4>&"$2" 6>&"$3"
eval "exec ${0##*/}<&- $1<&- $2>&- $3>&-"
echo started >&4
exec 5>&2 2>/dev/null
umask 022
tar --extract --preserve-permissions --file=- --directory=/ <&3 || exit 97
exec 3<&-
$BOUNDS
cd "$HOME" || exit 97
for text in "$SETUP" "$EACH"; do
  if [ -n "$text" ]; then
    _TEXT=$text bash -ec "$QUIETLY" </dev/null >/dev/shm/.said 2>&1 4>&- 5>&- 6>&- || {
      cat /dev/shm/.said >&5
      exit 98
    }
    rm /dev/shm/.said
  fi
done
status=0 probed=0 probe=''
if [ -n "$COMMAND" ]; then
  _TEXT=$COMMAND bash -c "$QUIETLY" </dev/null 2>&5 4>&- 5>&- 6>&-
  status=$?
fi
exec 1>&- 5>&-
if [ -n "$PROBE" ]; then
  probe=$(_TEXT=$PROBE bash -c "$QUIETLY" </dev/null 2>&1 4>&- 6>&-)
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
