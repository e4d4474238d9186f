import type { Shell } from "./completions-spec.ts";

// What is typed is only ever handed on as an argument: no eval, no expansion. gee itself takes the
// quotes off, prints a candidate a line, and prints none where a file may stand. What is run is the gee
// that printed the script: on a line that is being typed, the first word may be anything.

/** In bash words come apart at : and = too, and only the last part of such a word is replaced. */
const bash = (command: string): string => `# Completions of gee for bash.
_gee() {
  local index word="" line="\${COMP_LINE-}" cut="" out="" item=""
  local -a typed=() gee=(${command})
  COMPREPLY=()
  [[ -x \${gee[0]} ]] || gee=(gee)
  [[ -n $line ]] && line="\${line:0:\${COMP_POINT:-\${#line}}}"
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]-}"
    if [[ -z \${COMP_LINE-} ]]; then
      typed+=("$word")
      continue
    fi
    # Up to the cursor: what stands behind it stays as it is.
    if [[ $line == [[:space:]]* || $index == 0 ]]; then
      line="\${line#"\${line%%[![:space:]]*}"}"
      [[ $line == "$word"* ]] || word="$line"
      typed+=("$word")
    else
      [[ $line == "$word"* ]] || word="$line"
      typed[\${#typed[@]}-1]+="$word"
    fi
    line="\${line#"$word"}"
  done
  index=$((\${#typed[@]} - 1))
  # What stands before the part that is replaced.
  cut="\${typed[index]}"
  [[ -n $word && $word != [:=@]* ]] && cut="\${cut%"$word"}"
  out="$("\${gee[@]}" complete -- "\${typed[@]:1}" 2>/dev/null </dev/null)"
  while IFS= read -r item; do
    item="\${item%%$'\\t'*}"
    [[ -n $item && $item == "$cut"* ]] && COMPREPLY+=("\${item#"$cut"}")
  done <<<"$out"
  # One that goes on is not followed by a space.
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[.:/] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _gee gee`;

/** Read by eval behind compinit, or from a file _gee in fpath. */
const zsh = (command: string): string => `#compdef gee
# Completions of gee for zsh.
_gee() {
  local out line
  local -a gee open done openabout doneabout
  gee=(${command})
  [[ -x $gee[1] ]] || gee=(gee)
  out="$("\${gee[@]}" complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)"
  for line in "\${(@f)out}"; do
    [[ -n $line ]] || continue
    local text="\${line%%$'\\t'*}"
    local shown="$text"
    [[ $line == *$'\\t'* ]] && shown="$text  -- \${line#*$'\\t'}"
    if [[ $text == *[.:/] ]]; then
      open+=("$text") openabout+=("$shown")
    else
      done+=("$text") doneabout+=("$shown")
    fi
  done
  if (( \${#open} + \${#done} == 0 )); then
    _files
    return
  fi
  (( \${#done} )) && compadd -l -d doneabout -a done
  (( \${#open} )) && compadd -S '' -l -d openabout -a open
  return 0
}
if [[ $funcstack[1] == _gee ]]; then _gee "$@"; else compdef _gee gee; fi`;

const fish = (command: string): string => `# Completions of gee for fish.
function __gee_candidates
    set -l gee ${command}
    test -x $gee[1]; or set gee gee
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($gee complete -- $typed[2..-1] "$current" 2>/dev/null </dev/null)
    if set -q found[1]
        string join \\n -- $found
    else
        __fish_complete_path "$current"
    end
end
complete -c gee -e
complete -c gee -f -a '(__gee_candidates)'`;

/** The script of each shell; `command` starts gee and stands in the script as it is. */
export const scripts: Readonly<Record<Shell, (command: string) => string>> = { bash, zsh, fish };
