# cli-tuner for bash: put into ~/.bashrc:  eval "$(cli-tuner init bash)"
#
# The key replaces the sentence in the line by a command; Ctrl-_ brings the sentence back.

_cli_tuner_below() {  # a message below the line that is being edited
    local line count=0
    while IFS= read -r line && ((count < 4)); do
        printf '\n\r\e[K%s' "${line:0:${COLUMNS:-80}}"
        count=$((count + 1))
    done <<<"$1"
    ((count)) && printf '\e[%dA\r' "$count"
} >&2

_cli_tuner_fill() {
    [[ $READLINE_LINE =~ [^[:space:]] ]] || return
    local answer said status
    said=$(mktemp "${TMPDIR:-/tmp}/cli-tuner.XXXXXX") || return
    printf '\r%s ...' "${READLINE_LINE:0:${COLUMNS:-80}-5}" >&2
    answer=$(command @PROGRAM@ generate --color never - <<<"$READLINE_LINE" 2>"$said")
    status=$?
    printf '\r\e[J' >&2
    # Not $(<file): within bind -x, bash 5.2 would then take the next line apart at its blanks.
    _cli_tuner_below "$(cat -- "$said")"
    rm -f -- "$said"
    if ((status == 0)) && [[ -n $answer ]]; then
        READLINE_LINE=$answer
        READLINE_POINT=${#answer}
    fi
}

if [[ $- == *i* ]]; then
    bind -x '"@KEY@": _cli_tuner_fill' 2>/dev/null
    # What was said below the line is cleared before a command prints there.
    PS0="${PS0-}"$'\e[J'
fi

cli-tuner() {
    local status=$? last answer
    if [[ ${1-} != fix ]]; then
        command @PROGRAM@ "$@"
        return
    fi
    last=$(HISTTIMEFORMAT='' builtin fc -ln -2 2>/dev/null | sed 's/^[[:space:]]*//' |
        grep -v '^cli-tuner fix' | tail -n 1)
    answer=$(_cli_tuner_errors |
        command @PROGRAM@ fix --last "$last" --status "$status" "${@:2}")
    status=$?
    if [[ -n $answer ]]; then
        printf '%s\n' "$answer"
        [[ $- == *i* && $# -eq 1 && $status -eq 0 ]] && history -s -- "$answer"  # Up brings it
    fi
    return "$status"
}

# The last lines on the screen, and only for those who agreed to share them.
_cli_tuner_errors() {
    if [[ ${CLI_TUNER_SHARE_ERRORS-} == 1 && -n ${TMUX-} ]]; then
        tmux capture-pane -p -t "$TMUX_PANE" 2>/dev/null | sed '/^[[:space:]]*$/d' | tail -n 6
    fi
}
