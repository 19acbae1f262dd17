# cli-tuner for fish: put into ~/.config/fish/config.fish:  cli-tuner init fish | source
#
# The key replaces the sentence in the line by a command; undo (Ctrl-Z) brings the sentence back.

function _cli_tuner_fill
    set -l sentence (commandline | string collect)
    string match -qr '\S' -- $sentence; or return
    set -l said (mktemp); or return
    set -l answer (printf '%s\n' $sentence | command @PROGRAM@ generate --color never - 2>$said | string collect)
    if test $pipestatus[2] -eq 0 -a -n "$answer"
        commandline -r -- $answer
        commandline -C (string length -- $answer)
    end
    # Below the line; the prompt is drawn again after it.
    printf '\n' >&2
    cat $said >&2
    command rm -f -- $said
    commandline -f repaint
end

if status is-interactive
    bind @KEY@ _cli_tuner_fill
    bind -M insert @KEY@ _cli_tuner_fill 2>/dev/null
end

function cli-tuner
    set -l result $status
    if test "$argv[1]" != fix
        command @PROGRAM@ $argv
        return
    end
    set -l last (string match -rv '^cli-tuner fix' -- $history[1..5])[1]
    set -l answer (_cli_tuner_errors | command @PROGRAM@ fix --last "$last" --status $result $argv[2..] | string collect)
    set result $pipestatus[2]
    test -n "$answer"; and printf '%s\n' $answer
    return $result
end

# The last lines on the screen, and only for those who agreed to share them.
function _cli_tuner_errors
    if test "$CLI_TUNER_SHARE_ERRORS" = 1 -a -n "$TMUX"
        tmux capture-pane -p -t $TMUX_PANE 2>/dev/null | string match -r '.*\S.*' | tail -n 6
    end
end
