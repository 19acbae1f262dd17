# cli-tuner for zsh: put into ~/.zshrc:  eval "$(cli-tuner init zsh)"
#
# The key replaces the sentence in the line by a command; undo (Ctrl-_) brings the sentence back.

_cli_tuner_fill() {
    emulate -L zsh
    [[ $BUFFER == *[^[:space:]]* ]] || return
    local answer said result
    said=$(mktemp "${TMPDIR:-/tmp}/cli-tuner.XXXXXX") || return
    zle -M '  ...'
    zle -R
    answer=$(command @PROGRAM@ generate --color never - <<<"$BUFFER" 2>"$said")
    result=$?
    if (( result == 0 )) && [[ -n $answer ]]; then
        BUFFER=$answer
        CURSOR=${#BUFFER}
    fi
    zle -M "$(<"$said")"
    command rm -f -- "$said"
}

if [[ -o interactive ]]; then
    zle -N _cli_tuner_fill
    bindkey '@KEY@' _cli_tuner_fill
fi

cli-tuner() {
    local result=$? last answer
    if [[ ${1-} != fix ]]; then
        command @PROGRAM@ "$@"
        return
    fi
    last=$(builtin fc -ln -1 2>/dev/null)
    answer=$(_cli_tuner_errors | command @PROGRAM@ fix --last "$last" --status "$result" "${@:2}")
    result=$?
    if (( result == 0 )) && [[ -n $answer && -o interactive && $# -eq 1 ]]; then
        print -rz -- "$answer"  # into the next line, where Enter runs it
    else
        [[ -n $answer ]] && print -r -- "$answer"
    fi
    return $result
}

# The last lines on the screen, and only for those who agreed to share them.
_cli_tuner_errors() {
    if [[ ${CLI_TUNER_SHARE_ERRORS-} == 1 && -n ${TMUX-} ]]; then
        tmux capture-pane -p -t "$TMUX_PANE" 2>/dev/null | sed '/^[[:space:]]*$/d' | tail -n 6
    fi
}
