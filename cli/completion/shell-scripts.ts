/** Each asks `varve __complete WORD…` what the last word may become, as `answerText` writes it. */
export type Shell = "bash" | "zsh" | "fish";

export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

/** What the function of a shell does with the answer is the same in all: offer the candidates, then files where the answer says so. */
export const SHELL_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for varve. Load it with: source <(varve completion bash)
_varve() {
  local line=\${COMP_LINE:0:COMP_POINT} word head value break
  local -a words answer
  IFS=$' \\t' read -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[-1]}
  mapfile -t answer < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  head=\${answer[0]}
  # Readline replaces what stands behind the last of these characters alone.
  break=""
  for value in : = @; do
    if [[ $COMP_WORDBREAKS == *"$value"* && $word == *"$value"* ]]; then
      local upto=\${word%"\${word##*"$value"}"}
      (( \${#upto} > \${#break} )) && break=$upto
    fi
  done
  COMPREPLY=()
  for value in "\${answer[@]:1}"; do
    value=\${value%%$'\\t'*}
    COMPREPLY+=("$(printf '%q' "\${value#"$break"}")")
  done
  case $head in
    files*) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "\${word#"$break"}") ;;
    directories*) compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "\${word#"$break"}") ;;
  esac
  [[ $head == *open* ]] && compopt -o nospace
  return 0
}
complete -F _varve varve
`,
  zsh: `#compdef varve
# zsh completion for varve. Load it with: source <(varve completion zsh)
# or write it to a file _varve in a folder of $fpath.
_varve() {
  local -a answer values
  local head line value
  answer=("\${(@f)$("\${words[1]}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  head=\${answer[1]}
  for line in "\${(@)answer[2,-1]}"; do
    value=\${line%%$'\\t'*}
    values+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  if [[ $head == *open* ]]; then
    (( $#values )) && _describe -V varve values -S ''
  else
    (( $#values )) && _describe -V varve values
  fi
  case $head in
    files*) _files ;;
    directories*) _files -/ ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _varve "$@"
else
  compdef _varve varve
fi
`,
  fish: `# fish completion for varve. Load it with: varve completion fish | source
function __varve_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    for line in $answer[2..-1]
        echo $line
    end
    switch "$answer[1]"
        case 'files*'
            __fish_complete_path $current
        case 'directories*'
            __fish_complete_directories $current
    end
end
complete -c varve -f -a '(__varve_complete)'
`,
};
