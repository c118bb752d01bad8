# SPDX-License-Identifier: Apache-2.0
# Completion of suture(1) for fish. Verbs, options and their words are read from `suture --help`, so
# that they are always those of the program that is there.

# The rows of a section of the help, Verbs or Options: NAME, TAB, OPERAND, TAB, HELP.
function __suture_help
    set -l program (commandline -opc)[1]
    $program --help 2>/dev/null | awk -v section="$argv[1]:" '
        /^[A-Z][a-z]*:$/ { inside = $0 == section; next }
        inside && /^  / {
            split(substr($0, 3), part, /   *|  /)
            form = part[1]
            help = substr($0, 3 + length(form))
            sub(/^ */, "", help)
            name = form
            sub(/ .*/, "", name)
            operand = substr(form, length(name) + 2)
            print name "\t" operand "\t" help
        }'
end

function __suture_operand
    __suture_help $argv[1] | awk -F '\t' -v name="$argv[2]" '$1 == name { print $2 }'
end

function __suture_words
    set -l program (commandline -opc)[1]
    set -l kind (string replace -a -r '[][]' '' -- $argv[1])
    switch $kind
        case DIR
            __fish_complete_directories (commandline -ct)
        case PATH FILE
            __fish_complete_path (commandline -ct)
        case 'COMMAND...'
            __fish_complete_command
        case '*'
            for word in (string split '|' -- $kind)
                switch $word
                    case ID
                        $program advisories --json 2>/dev/null |
                            grep -oE '"[A-Z][A-Za-z]*-[0-9A-Za-z-]+"' | cut -d'"' -f2 | sort -u
                    case '*'
                        string match -r '^[a-z-]+$' -- $word
                end
            end
    end
end

function __suture_complete
    set -l words (commandline -opc)[2..-1]
    set -l current (commandline -ct)
    set -l verb ''
    set -l value_of ''
    for word in $words
        if test -n "$value_of"
            set value_of ''
        else if string match -q -- '-*' $word
            string match -q -- '*=*' $word
            or test -z "$(__suture_operand Options $word)"
            or set value_of $word
        else if test -z "$verb"
            set verb $word
        end
    end
    if test -n "$value_of"
        __suture_words (__suture_operand Options $value_of)
    else if string match -q -- '--*=*' $current
        set -l name (string split -m 1 = -- $current)[1]
        for word in (__suture_words (__suture_operand Options $name))
            echo $name=$word
        end
    else if string match -q -- '-*' $current
        __suture_help Options | while read -d \t name operand help
            if test -n "$verb"; and string match -q -r '^[a-z-]+(, [a-z-]+)*: ' -- $help
                set -l verbs (string split ', ' -- (string split -m 1 : -- $help)[1])
                contains -- $verb $verbs
                or continue
            end
            printf '%s\t%s\n' $name $help
        end
    else if test -z "$verb"
        __suture_help Verbs | awk -F '\t' '{ print $1 "\t" $3 }'
    else
        __suture_words (__suture_operand Verbs $verb)
    end
end

complete -c suture -f -a '(__suture_complete)'
