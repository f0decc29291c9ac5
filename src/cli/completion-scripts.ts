export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * For each shell, a script that asks the program what can come next. They know the answer's last line: 2 means that no
 * space follows, 4 that no file is meant.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of kube-registrar: source this, or put it into bash-completion's directory
_kube_registrar() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line directive=4
  [[ $current == "=" ]] && current=""
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :* ]]; then
      directive="\${line#:}"
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if (( directive & 2 )); then compopt -o nospace 2>/dev/null; fi
  if (( ! (directive & 4) )); then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
  fi
}
complete -F _kube_registrar kube-registrar
`,
  zsh: `#compdef kube-registrar
_kube_registrar() {
  local line directive=4
  local -a found
  for line in "\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :* ]]; then
      directive=\${line#:}
    elif [[ $line == *$'\\t'* ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    else
      found+=("\${line//:/\\\\:}")
    fi
  done
  if (( directive & 2 )); then
    _describe kube-registrar found -S ''
  else
    _describe kube-registrar found
  fi
  (( directive & 4 )) || _files
}
# Loaded from fpath, the function is called at once.
if [[ $funcstack[1] == _kube-registrar ]]; then _kube_registrar "$@"; else compdef _kube_registrar kube-registrar; fi
`,
  fish: `# fish completion of kube-registrar
function __kube_registrar_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($before[1] __complete $before[2..-1] "$current" 2>/dev/null)
    set -q lines[1]; or return
    set -l directive (string sub -s 2 -- $lines[-1])
    set -e lines[-1]
    set -q lines[1]; and printf '%s\\n' $lines
    contains -- $directive 0 2; and __fish_complete_path "$current"
end
complete -c kube-registrar -f -a '(__kube_registrar_complete)'
`,
};
